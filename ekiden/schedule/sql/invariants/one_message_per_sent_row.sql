-- Invariant 3: every sent row has its message, and no message is without its sent row.
select
    schedule_rows.schedule_row_id,
    schedule_rows.state,
    messages.message_id
from outreach.schedule_rows
full join outreach.messages on schedule_rows.schedule_row_id = messages.schedule_row_id
where (schedule_rows.state = 'sent') is distinct from (messages.message_id is not null)

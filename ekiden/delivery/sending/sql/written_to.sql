-- Whom these rows are for, by which channel, and their messages.
select
    customer_id,
    channel,
    message_id
from outreach.schedule_rows
where schedule_row_id = any(%(rows)s)

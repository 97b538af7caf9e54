-- T6, with the attempt it begins.
with claimed as (
    update outreach.schedule_rows
    set
        state = 'sending',
        reason = null,
        claimed_by = %(dispatcher)s,
        claimed_at = %(now)s,
        attempts = attempts + 1,
        state_changed_at = %(now)s
    where schedule_row_id = any(%(rows)s)
    returning schedule_row_id, attempts, message_id
)

insert into outreach.attempts (
    schedule_row_id, attempt_no, message_id, channel_name, claimed_by, claimed_at, run_id
)
select
    schedule_row_id,
    attempts,
    message_id,
    %(channel_name)s,
    %(dispatcher)s,
    %(now)s,
    %(run_id)s
from claimed

-- Rows that a new send run would settle: their sender is gone and nobody has looked after them yet.
select count(*)
from outreach.schedule_rows as rows
inner join outreach.attempts
    on rows.schedule_row_id = attempts.schedule_row_id and rows.attempts = attempts.attempt_no
where
    rows.state = 'sending'
    and attempts.outcome is null
    and not outreach.dispatcher_is_alive(rows.claimed_by)

-- Rows that a new send run would settle, as their sender is gone and nobody has looked after them yet, and the newest
-- of these senders, by its number.
with senders as (
    select distinct claimed_by
    from outreach.attempts
    where finished_at is null
),

-- asked once for each sender, not for each of its rows
gone as materialized (
    select claimed_by
    from senders
    where not outreach.dispatcher_is_alive(claimed_by)
)

select
    count(*) as rows,
    max(attempts.claimed_by) as newest_sender
from outreach.attempts
inner join outreach.schedule_rows as rows
    on attempts.schedule_row_id = rows.schedule_row_id and attempts.attempt_no = rows.attempts
where
    attempts.finished_at is null
    and attempts.claimed_by in (select gone.claimed_by from gone)
    and rows.state = 'sending'

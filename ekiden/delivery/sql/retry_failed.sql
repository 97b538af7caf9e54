-- T10: what surely did not leave is tried again, later each time, while the budget lasts. Tries that ended for everyone
-- at once, because the provider was busy or away, cost nothing.
with tried as (
    select
        attempts.schedule_row_id,
        count(*) filter (where attempts.costs_a_try) as tries
    from outreach.attempts
    where attempts.schedule_row_id = any(%(rows)s) and attempts.outcome = 'not_sent'
    group by attempts.schedule_row_id
)

update outreach.schedule_rows as rows
set
    state = 'ready',
    send_at = %(now)s::timestamptz + %(retry_after)s * tried.tries,
    state_changed_at = %(now)s
from tried
where
    rows.schedule_row_id = tried.schedule_row_id
    and rows.state = 'failed'
    and (%(max_attempts)s::integer is null or tried.tries < %(max_attempts)s)

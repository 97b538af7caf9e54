-- T10: what surely did not leave is tried again, later each time, while the budget lasts. What was left alone, because
-- the provider was busy or away, is tried again at once: that costs nothing.
with tried as (
    select
        attempts.schedule_row_id,
        count(*) filter (where attempts.costs_a_try) as tries,
        bool_or(attempts.costs_a_try) filter (where attempts.attempt_no = rows.attempts) as has_cost_one
    from outreach.attempts
    inner join outreach.schedule_rows as rows on attempts.schedule_row_id = rows.schedule_row_id
    where attempts.schedule_row_id = any(%(rows)s) and attempts.outcome = 'not_sent'
    group by attempts.schedule_row_id
)

update outreach.schedule_rows as rows
set
    state = 'ready',
    send_at = %(now)s::timestamptz + case when tried.has_cost_one then %(retry_after)s * tried.tries else '0' end,
    state_changed_at = %(now)s
from tried
where
    rows.schedule_row_id = tried.schedule_row_id
    and rows.state = 'failed'
    and (tried.tries < %(max_attempts)s or not tried.has_cost_one)

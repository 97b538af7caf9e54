-- T15 and E6: what is held for longer than its scenario waits is cancelled, and its chain goes no further. Only holds
-- that nobody chose expire: who held a row last is read from its transition, because a person words reasons freely.
with expired as (
    update outreach.schedule_rows as rows
    set state = 'cancelled', reason = 'hold_expired', state_changed_at = %(now)s
    from outreach.scenarios
    where
        rows.scenario_id = scenarios.scenario_id
        and rows.state = 'held'
        -- a model that left the project is left as it is
        and scenarios.status <> 'archived'
        and (%(scenario_ids)s::bigint[] is null or scenarios.scenario_id = any(%(scenario_ids)s))
        and scenarios.hold_expires_after_days is not null
        and (rows.state_changed_at at time zone %(time_zone)s)::date + scenarios.hold_expires_after_days < %(today)s
        and (
            select transitions.actor_kind
            from outreach.transitions
            where
                transitions.subject = 'schedule_row'
                and transitions.subject_id = rows.schedule_row_id
                and transitions.to_state = 'held'
            order by transitions.transition_id desc
            limit 1
        ) <> 'operator'
    returning rows.enrolment_id
)

update outreach.enrolments
set state = 'stopped', exit_reason = 'step_not_sent', exited_at = %(now)s
from expired
where enrolments.enrolment_id = expired.enrolment_id and enrolments.state = 'active'

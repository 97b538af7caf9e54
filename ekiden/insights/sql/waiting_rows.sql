-- Open rows by what they wait for; read by the index of open rows, so the past does not slow it down.
with open_rows as (
    select
        rows.state,
        rows.channel = any(%(carried_channels)s) as is_carried,
        rows.channel = any(%(sent_channels)s) and rows.channel <> all(%(carried_channels)s) as is_not_carried,
        rows.channel = any(%(exported_channels)s) and rows.due_date <= %(today)s as is_due_list,
        rows.send_at <= %(now)s as has_come,
        scenarios.may_send,
        paused.scenario_id is not null as is_paused,
        rows.released_at is null
        and %(now)s - greatest(rows.planned_send_at, rows.created_at)
        > coalesce(make_interval(mins => scenarios.max_lateness_minutes), %(max_lateness)s) as is_late,
        coalesce(attempts.outcome = 'unknown', false) as is_unknown,
        attempts.posted_at <= %(now)s - %(unknown_after)s as is_past_limit,
        rows.state = 'sending' and attempts.outcome is null
        and not outreach.dispatcher_is_alive(rows.claimed_by) as is_lost
    from outreach.schedule_rows as rows
    inner join outreach.scenarios on rows.scenario_id = scenarios.scenario_id
    left join outreach.paused_scenarios as paused on rows.scenario_id = paused.scenario_id
    left join outreach.attempts
        on
            rows.state = 'sending'
            and rows.schedule_row_id = attempts.schedule_row_id
            and rows.attempts = attempts.attempt_no
    where rows.state in ('ready', 'held', 'sending', 'failed')
)

select
    count(*) filter (where state = 'ready' and is_carried and may_send and has_come and not is_paused) as due,
    count(*) filter (where state = 'ready' and is_carried and may_send and has_come and is_paused) as due_paused,
    count(*) filter (
        where state = 'ready' and is_carried and may_send and has_come and not is_paused and is_late
    ) as late,
    count(*) filter (
        where state = 'ready' and is_carried and may_send and has_come and is_paused and is_late
    ) as late_paused,
    count(*) filter (where state = 'ready' and is_not_carried and may_send and has_come) as not_carried,
    count(*) filter (
        where state = 'ready' and not may_send and (is_due_list or (is_carried or is_not_carried) and has_come)
    ) as switched_off,
    count(*) filter (
        where state = 'ready' and not is_due_list and not ((is_carried or is_not_carried) and has_come)
    ) as ready_later,
    count(*) filter (where state = 'ready' and is_due_list and may_send) as lists_due,
    count(*) filter (where state = 'held') as held,
    count(*) filter (where state = 'failed') as failed,
    count(*) filter (where state = 'sending') as on_their_way,
    count(*) filter (where state = 'sending' and is_unknown) as unknown,
    count(*) filter (where state = 'sending' and is_unknown and is_past_limit) as unknown_past_limit,
    count(*) filter (where is_lost) as lost
from open_rows

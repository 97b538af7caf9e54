-- T1 and T2: rows are made by the current version of their scenario, and keep it. `wanted` yields enrolment_id,
-- step_no, previous_date (what the offset counts from where it counts from the previous step) and follows_a_step.
with wanted as (
    {wanted}
),

dated as (
    select
        wanted.enrolment_id,
        wanted.step_no,
        wanted.follows_a_step,
        enrolments.scenario_id,
        enrolments.customer_id,
        versions.scenario_version_id,
        versions.past_date_policy,
        versions.past_time_today,
        versions.period_from,
        versions.period_to,
        steps.channel,
        steps.send_time,
        steps.auto_send_time,
        versions.send_window_from,
        versions.send_window_to,
        (
            case
                when versions.offset_basis = 'previous_step' then wanted.previous_date
                else enrolments.anchor_date
            end
            + steps.due_after_days
        ) as due_date
    from wanted
    inner join outreach.enrolments on wanted.enrolment_id = enrolments.enrolment_id
    inner join outreach.scenarios on enrolments.scenario_id = scenarios.scenario_id
    inner join outreach.scenario_versions as versions
        on scenarios.current_version_id = versions.scenario_version_id
    inner join outreach.scenario_version_steps as steps
        on versions.scenario_version_id = steps.scenario_version_id and wanted.step_no = steps.step_no
    inner join outreach.scenario_steps as step_states
        on enrolments.scenario_id = step_states.scenario_id and wanted.step_no = step_states.step_no
    where
        -- a chain that is under way goes on when its scenario is disabled while a message is being sent; the row waits
        (scenarios.may_send or wanted.follows_a_step)
        and step_states.state = 'enabled'
        and steps.content <> ''
),

timed as (
    select
        dated.*,
        -- the local wall time of that very date, whatever daylight saving does to it
        (
            dated.due_date
            -- outside the window it is the planned time, not the window's edge (R-109d); to the minute, also where the
            -- edge has seconds (R-109e)
            + case
                when
                    habits.local_time between
                    date_trunc('minute', coalesce(dated.send_window_from, '00:00'))::time
                    and coalesce(dated.send_window_to, '23:59')
                    then habits.local_time
                else dated.send_time
            end
        ) at time zone %(time_zone)s as planned_send_at
    from dated
    left join lateral (
        select date_trunc('minute', happenings.happened_at at time zone %(time_zone)s)::time as local_time
        from (
            select orders.ordered_at as happened_at
            from staging.stg_orders as orders
            where
                dated.auto_send_time in ('latest_purchase', 'first_purchase')
                and orders.customer_id = dated.customer_id
                and orders.ordered_at <= %(now)s
                and not isempty(orders.counts_during)
            union all
            select events.event_at as happened_at
            from staging.stg_customer_events as events
            where
                -- said first, so that nobody's events are read for a step that goes by no habit
                dated.auto_send_time in ('latest_open', 'latest_click')
                and events.event_type = case when dated.auto_send_time = 'latest_open' then 'opened' else 'clicked' end
                and events.customer_id = dated.customer_id
                and events.event_at <= %(now)s
        ) as happenings
        order by
            case when dated.auto_send_time <> 'first_purchase' then happenings.happened_at end desc,
            happenings.happened_at asc
        limit 1
    ) as habits on true
    -- a first step is planned by the sweep of its day; a later one as soon as the step before it is sent (R-111, R-112)
    where (dated.follows_a_step or dated.due_date <= %(last_day)s)
),

judged as (
    select
        *,
        case
            when due_date < %(today)s and past_date_policy = 'hold' then 'past_due'
            when
                due_date = %(today)s
                and planned_send_at < %(now)s
                and past_time_today = 'hold'
                -- a list has no time of day (R-152)
                and channel not in ('dm', 'outbound_call')
                then 'past_time'
        end as hold_reason
    from timed
    where
        not (due_date < %(today)s and past_date_policy = 'skip')
        -- nobody begins outside the period, also where it was moved since they came in; who began goes on (Q-01)
        and (
            follows_a_step
            or due_date between coalesce(period_from, '-infinity') and coalesce(period_to, 'infinity')
        )
)

insert into outreach.schedule_rows (
    enrolment_id, scenario_id, scenario_version_id, customer_id, step_no, channel, due_date, planned_send_at,
    send_at, state, reason, run_id, partition_date, created_at, state_changed_at
)
select
    enrolment_id,
    scenario_id,
    scenario_version_id,
    customer_id,
    step_no,
    channel,
    due_date,
    planned_send_at,
    case when hold_reason is null then greatest(planned_send_at, %(now)s) end,
    case when hold_reason is null then 'ready' else 'held' end,
    hold_reason,
    %(run_id)s,
    case when follows_a_step then due_date else least(greatest(due_date, %(first_day)s), %(last_day)s) end,
    %(now)s,
    %(now)s
from judged
on conflict (enrolment_id, step_no) where state <> 'deleted' do nothing

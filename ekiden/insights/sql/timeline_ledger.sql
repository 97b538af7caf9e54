-- A part of timeline.sql: what became of one customer in scenarios, found through the customer's enrolments and rows.
with enrolments as (
    select
        enrolments.*,
        scenarios.scenario_code,
        versions.version_no
    from outreach.enrolments
    inner join outreach.scenarios on enrolments.scenario_id = scenarios.scenario_id
    inner join outreach.scenario_versions as versions on enrolments.scenario_version_id = versions.scenario_version_id
    where enrolments.customer_id = %(customer_id)s
),

enrolment_changes as (
    select
        transitions.transitioned_at as occurred_at,
        transitions.transition_id as sequence_no,
        'enrolment' as kind,
        enrolments.scenario_code,
        null::integer as step_no,
        jsonb_build_object(
            'transition', transitions.transition,
            'to_state', transitions.to_state,
            'reason', transitions.reason,
            -- with a row, it is the row's change that has the words
            'said', case
                when
                    transitions.actor_kind = 'operator'
                    and not exists (
                        select
                        from outreach.schedule_rows as rows
                        where
                            rows.enrolment_id = enrolments.enrolment_id
                            and rows.state <> 'deleted'
                            and rows.created_at <= transitions.transitioned_at
                    )
                    then runs.summary ->> 'reason'
            end,
            'actor_kind', transitions.actor_kind,
            'actor', transitions.actor,
            'version_no', enrolments.version_no,
            'anchor_kind', enrolments.anchor_kind,
            'anchor_key', enrolments.anchor_key
        ) as details
    from enrolments
    inner join outreach.transitions
        on transitions.subject = 'enrolment' and enrolments.enrolment_id = transitions.subject_id
    left join outreach.runs on transitions.run_id = runs.run_id
),

row_changes as (
    select
        transitions.transitioned_at as occurred_at,
        transitions.transition_id as sequence_no,
        'step' as kind,
        scenarios.scenario_code,
        rows.step_no,
        jsonb_build_object(
            'transition', transitions.transition,
            'to_state', transitions.to_state,
            'reason', transitions.reason,
            -- of a release, a hold and a retry the row itself keeps no words
            'said', case
                when transitions.actor_kind = 'operator' then nullif(runs.summary ->> 'reason', transitions.reason)
            end,
            'actor_kind', transitions.actor_kind,
            'actor', transitions.actor,
            'schedule_row_id', rows.schedule_row_id,
            'due_date', rows.due_date,
            'planned_send_at', rows.planned_send_at,
            'channel', rows.channel,
            'channel_name', messages.channel_name,
            'message_id', messages.message_id,
            'to_address', messages.to_address,
            'provider_said', attempts.detail
        ) as details
    from outreach.schedule_rows as rows
    inner join outreach.scenarios on rows.scenario_id = scenarios.scenario_id
    inner join outreach.transitions
        on transitions.subject = 'schedule_row' and rows.schedule_row_id = transitions.subject_id
    left join outreach.runs on transitions.run_id = runs.run_id
    left join outreach.messages
        on transitions.to_state = 'sent' and rows.schedule_row_id = messages.schedule_row_id
    left join lateral (
        select tried.detail
        from outreach.attempts as tried
        where
            transitions.to_state = 'failed'
            and tried.schedule_row_id = rows.schedule_row_id
            and tried.claimed_at <= transitions.transitioned_at
        order by tried.attempt_no desc
        limit 1
    ) as attempts on true
    -- a claim is no news: what becomes of it is the next transition
    where rows.customer_id = %(customer_id)s and transitions.to_state <> 'sending'
),

-- what transitions do not tell: why somebody was not entered
decisions as (
    select
        decided_at as occurred_at,
        0::bigint as sequence_no,
        'decision' as kind,
        scenario_code,
        step_no,
        jsonb_build_object(
            'decision', decision,
            'reason', rule,
            'day', day,
            'other_scenario_code', other_scenario_code,
            'actor_kind', actor_kind,
            'actor', actor
        ) as details
    from outreach.worded_decision_batches
    where customers @> array[%(customer_id)s::text]
),

-- what a person said of a message of which nobody knew whether it had been sent
settlements as (
    select
        settlements.settled_at as occurred_at,
        settlements.attempt_no::bigint as sequence_no,
        'settled' as kind,
        scenarios.scenario_code,
        rows.step_no,
        jsonb_build_object(
            'settled_as', settlements.settled_as,
            'reason', settlements.reason,
            'message_id', settlements.message_id,
            'actor_kind', 'operator',
            'actor', settlements.settled_by
        ) as details
    from outreach.schedule_rows as rows
    inner join outreach.settlements on rows.schedule_row_id = settlements.schedule_row_id
    inner join outreach.scenarios on rows.scenario_id = scenarios.scenario_id
    where rows.customer_id = %(customer_id)s
)

select
    *,
    2 as source_no
from enrolment_changes
union all
select
    *,
    2 as source_no
from row_changes
union all
select
    *,
    2 as source_no
from decisions
union all
-- what follows from it comes after it
select
    *,
    1 as source_no
from settlements

-- A person's own words stand with what they decided, also where the row has no room for them: a release, a hold.
create or replace view outreach.ledger_decisions as
with recorded as (
    select
        rows.due_date as day,
        rows.scenario_id,
        rows.customer_id,
        rows.step_no,
        transitions.*
    from outreach.schedule_rows as rows
    inner join outreach.transitions
        on transitions.subject = 'schedule_row' and rows.schedule_row_id = transitions.subject_id
    -- a claim decides nothing: what becomes of it is the next transition
    where transitions.transition <> 'T6'
    union all
    select
        enrolments.partition_date as day,
        enrolments.scenario_id,
        enrolments.customer_id,
        -- an end is the whole enrolment's
        case when transitions.transition = 'E1' then 1 end as step_no,
        transitions.*
    from outreach.enrolments
    inner join outreach.transitions
        on transitions.subject = 'enrolment' and enrolments.enrolment_id = transitions.subject_id
),

ruled as (
    select
        recorded.*,
        case recorded.transition
            when 'T1' then 'due'
            when 'T3' then 'released'
            when 'T7' then 'accepted'
            when 'T9' then 'not_sent'
            when 'T10' then 'retried'
            when 'T11' then 'exported'
            when 'T12' then 'manual_complete'
            when 'T13' then 'blocked'
            when 'T14' then 'reopened'
            when 'T16' then 'deleted'
            when 'E1' then 'entered'
            when 'E2' then 'finished'
            when 'E9' then 'deleted'
            when 'E10' then 'reopened'
            else coalesce(recorded.reason, recorded.to_state)
        end as rule
    from recorded
)

select
    ruled.day,
    scenarios.scenario_code,
    ruled.customer_id,
    ruled.step_no,
    case
        when ruled.subject = 'schedule_row' and ruled.transition = 'T3' then 'released'
        when ruled.subject = 'schedule_row' then ruled.to_state
        when ruled.transition = 'E1' then 'entered'
        else 'enrolment_' || ruled.to_state
    end as decision,
    ruled.rule,
    coalesce(rules.rule_in_words, ruled.rule) as rule_in_words,
    coalesce(rules.rule_ja, ruled.rule) as rule_ja,
    null::text as other_scenario_code,
    -- in the words of whoever acted: a row keeps only those that say what state it is in
    case when ruled.actor_kind = 'operator' then coalesce(runs.summary ->> 'reason', ruled.reason) else ruled.reason end
        as reason,
    ruled.actor_kind,
    ruled.actor,
    ruled.transitioned_at as decided_at,
    ruled.run_id,
    ruled.scenario_id
from ruled
inner join outreach.scenarios on ruled.scenario_id = scenarios.scenario_id
left join outreach.runs on ruled.run_id = runs.run_id
left join outreach.decision_rules as rules on ruled.rule = rules.rule;

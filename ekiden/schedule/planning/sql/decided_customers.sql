-- What became of each customer whose entry into one scenario was due on the planned days, or whom the sweep found
-- besides: one row for each customer and day, and the rule that decided. Of several anchors of one day, the one that
-- came furthest along the rules counts.
with anchors as (
    select
        customer_id,
        anchor_kind,
        anchor_key,
        anchor_date + %(entry_offset)s::integer as day,
        anchor_date + %(due_after_days)s::integer as due_date,
        -- in a table written by hand a null admits nobody
        coalesce(
            entry_during @> (
                {judged_at}
            )
            and stop_during is not null,
            false
        ) as may_enter,
        coalesce(
            stop_during @> (
                {judged_at}
            )
            or stop_during @> %(now)s::timestamptz,
            false
        ) as is_stopped
    from {eligibility}
    where
        -- bounds of the column itself, so that an index on it serves
        anchor_date >= %(first_day)s::date - %(entry_offset)s::integer
        and anchor_date <= %(last_day)s::date - %(entry_offset)s::integer
        and customer_id is not null
        and anchor_kind is not null
        and anchor_key is not null
        and anchor_at is not null
        and {among}
),

arbitrated as (
    select
        candidates.customer_id,
        candidates.anchor_kind,
        candidates.anchor_key,
        -- an entry that was due before counts for the first planned day, as its enrolment does
        least(
            greatest(candidates.anchor_date + %(entry_offset)s::integer, %(first_day)s::date), %(last_day)s::date
        ) as day,
        case arbitration.rule when 'enters' then 'entered' else arbitration.rule end as rule,
        nullif(arbitration.winner_id, candidates.scenario_id) as other_scenario_id
    from pg_temp.candidates
    inner join pg_temp.arbitration on candidates.candidate_id = arbitration.candidate_id
    where candidates.scenario_id = %(scenario_id)s
),

-- who the sweep took by another anchor, or for several; the contest is the customer's, whichever the anchor
arbitrated_customers as (
    select distinct
        customer_id,
        rule,
        other_scenario_id
    from arbitrated
),

judged as (
    select
        anchors.day,
        anchors.customer_id,
        case
            when earlier.is_of_this_anchor then 'entered'
            when arbitrated.rule is not null then arbitrated.rule
            when %(first_step_is_stopped)s then 'step_stopped'
            when anchors.due_date < %(period_from)s::date or anchors.due_date > %(period_to)s::date
                then 'outside_period'
            when %(past_date_policy)s = 'skip' and anchors.due_date < %(today)s::date then 'past_date_skipped'
            when not anchors.may_enter
                then
                    -- looked up one by one: a join would read all of a large shop's customers for each scenario
                    case (
                        select customers.duplicate_status
                        from staging.stg_customers as customers
                        where customers.customer_id = anchors.customer_id
                    )
                        when 'unconfirmed' then 'duplicate_unconfirmed'
                        when 'on_hold' then 'duplicate_unconfirmed'
                        else 'conditions_not_met'
                    end
            when anchors.is_stopped then 'stop_condition_held'
            when earlier.was_blocked then 'blocked_before'
            when exists ({blocked_anywhere}) then 'blocked_before'
            when earlier.is_active then 'already_enrolled'
            when earlier.is_active is not null then 'entered_before'
            else coalesce(arbitrated_customers.rule, 'overlooked')
        end as rule,
        coalesce(arbitrated.other_scenario_id, arbitrated_customers.other_scenario_id) as other_scenario_id
    from anchors
    left join arbitrated
        on
            anchors.customer_id = arbitrated.customer_id
            and anchors.anchor_kind = arbitrated.anchor_kind
            and anchors.anchor_key = arbitrated.anchor_key
    left join arbitrated_customers on anchors.customer_id = arbitrated_customers.customer_id
    left join lateral (
        select
            bool_or(
                enrolments.anchor_kind = anchors.anchor_kind and enrolments.anchor_key = anchors.anchor_key
            ) as is_of_this_anchor,
            bool_or(coalesce(enrolments.exit_reason = 'blocked', false)) as was_blocked,
            bool_or(enrolments.state = 'active') as is_active
        from outreach.enrolments
        where
            enrolments.scenario_id = %(scenario_id)s
            and enrolments.customer_id = anchors.customer_id
            and enrolments.state <> 'removed'
    ) as earlier on true
    union all
    select
        day,
        customer_id,
        rule,
        other_scenario_id
    from arbitrated
    union all
    select
        given_up.day,
        given_up.customer_id,
        given_up.rule,
        null as other_scenario_id
    from (
        {given_up}
    ) as given_up
)

select
    judged.day,
    judged.customer_id,
    max(rules.rule_no) as rule_no,
    -- the winner of a contest is the customer's, whichever the anchor
    max(judged.other_scenario_id) as other_scenario_id
from judged
inner join outreach.decision_rules as rules on judged.rule = rules.rule
group by judged.day, judged.customer_id

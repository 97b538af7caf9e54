-- Who entered at the anchor and whose step 1 is due outside the scenario's period by now: a rule of its own, told as
-- `row_past_date` is.

insert into outreach.decision_rules (rule_no, rule, rule_in_words, rule_ja) values (
    525,
    'row_outside_period',
    'the customer is in, but step 1''s due date is outside the scenario''s period by now, so it was left out',
    'シナリオ期間外（流入済）'
);

-- as in 0006, with the rule among those that make no row
create or replace view outreach.worded_decision_batches as
select
    batches.day,
    scenarios.scenario_code,
    batches.customers,
    batches.customer_count,
    batches.step_no::integer as step_no,
    case
        when batches.rule in ('not_enabled', 'definition_broken') then 'not_considered'
        when batches.rule in ('row_past_date', 'row_outside_period') then 'no_row'
        else 'turned_away'
    end as decision,
    batches.rule,
    rules.rule_in_words,
    rules.rule_ja,
    others.scenario_code as other_scenario_code,
    null::text as reason,
    runs.actor_kind,
    runs.actor,
    batches.decided_at,
    batches.run_id,
    batches.scenario_id
from outreach.decision_batches as batches
inner join outreach.scenarios on batches.scenario_id = scenarios.scenario_id
inner join outreach.decision_rules as rules on batches.rule = rules.rule
inner join outreach.runs on batches.run_id = runs.run_id
left join outreach.scenarios as others on batches.other_scenario_id = others.scenario_id;

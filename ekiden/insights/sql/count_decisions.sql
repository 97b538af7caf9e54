-- How many decisions each rule made, those of planning by their batches.
with counted as (
    select
        scenario_code,
        decision,
        rule,
        rule_in_words,
        rule_ja,
        -- one about a whole scenario names no customer
        greatest(customer_count, 1) as decisions
    from outreach.worded_decision_batches
    where {condition}
    union all
    select
        scenario_code,
        decision,
        rule,
        rule_in_words,
        rule_ja,
        1 as decisions
    from outreach.ledger_decisions
    where {condition}
)

select
    counted.scenario_code,
    counted.decision,
    counted.rule,
    sum(counted.decisions)::bigint as decisions,
    counted.rule_in_words,
    counted.rule_ja
from counted
left join outreach.decision_rules as rules on counted.rule = rules.rule
group by counted.scenario_code, counted.decision, counted.rule, counted.rule_in_words, counted.rule_ja, rules.rule_no
order by counted.scenario_code asc, rules.rule_no asc nulls last, counted.decision asc

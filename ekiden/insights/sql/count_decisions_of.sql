-- How many decisions each rule made about one customer.
with decided as (
    select *
    from outreach.decisions_of({customer})
    where {condition}
)

select
    decided.scenario_code,
    decided.decision,
    decided.rule,
    count(*) as decisions,
    decided.rule_in_words,
    decided.rule_ja
from decided
left join outreach.decision_rules as rules on decided.rule = rules.rule
group by decided.scenario_code, decided.decision, decided.rule, decided.rule_in_words, decided.rule_ja, rules.rule_no
order by decided.scenario_code asc, rules.rule_no asc nulls last, decided.decision asc

-- What became of customers of one scenario in which nobody is considered: of who is in, and gets no first row.
select
    given_up.day,
    given_up.customer_id,
    max(rules.rule_no) as rule_no,
    null::bigint as other_scenario_id
from (
    {given_up}
) as given_up
inner join outreach.decision_rules as rules on given_up.rule = rules.rule
group by given_up.day, given_up.customer_id

-- The scenarios, the asked one left out, in which a person blocked the customer.
select distinct scenarios.scenario_code
from outreach.enrolments
inner join outreach.scenarios on enrolments.scenario_id = scenarios.scenario_id
where
    enrolments.customer_id = %(customer_id)s
    and enrolments.scenario_id is distinct from %(scenario_id)s::bigint
    and enrolments.exit_reason = 'blocked'
    and enrolments.state <> 'removed'
order by scenarios.scenario_code

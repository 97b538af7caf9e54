-- The scenarios, the asked one left out, in which a person blocked the customer, and since when.
select
    scenarios.scenario_code,
    min(enrolments.exited_at) as blocked_at
from outreach.enrolments
inner join outreach.scenarios on enrolments.scenario_id = scenarios.scenario_id
where
    enrolments.customer_id = %(customer_id)s
    and enrolments.scenario_id is distinct from %(scenario_id)s::bigint
    and enrolments.exit_reason = 'blocked'
    and enrolments.state <> 'removed'
group by scenarios.scenario_code
order by scenarios.scenario_code

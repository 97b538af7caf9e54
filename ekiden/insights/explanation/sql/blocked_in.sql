-- The scenarios, the asked one left out, in which a person blocked the customer, since when, and whether the blocked
-- row is still there to be reopened; who was blocked before there was a row is reopened without.
select
    scenarios.scenario_code,
    min(enrolments.exited_at) as blocked_at,
    bool_and(
        exists (
            select
            from outreach.schedule_rows as rows
            where rows.enrolment_id = enrolments.enrolment_id and rows.state = 'blocked'
        )
        or not exists (
            select
            from outreach.schedule_rows as rows
            where rows.enrolment_id = enrolments.enrolment_id and rows.state <> 'deleted'
        )
    ) as can_be_reopened
from outreach.enrolments
inner join outreach.scenarios on enrolments.scenario_id = scenarios.scenario_id
where
    enrolments.customer_id = %(customer_id)s
    and enrolments.scenario_id is distinct from %(scenario_id)s::bigint
    and enrolments.exit_reason = 'blocked'
    and enrolments.state <> 'removed'
group by scenarios.scenario_code
order by scenarios.scenario_code

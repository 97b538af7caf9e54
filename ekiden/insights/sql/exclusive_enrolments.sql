-- The other exclusive scenarios that the customer is in now (C-07), the best by priority first.
select
    scenarios.scenario_code,
    scenarios.priority,
    enrolments.entered_at,
    exists(
        select
        from outreach.schedule_rows as rows
        where rows.enrolment_id = enrolments.enrolment_id and rows.state in ('sending', 'failed')
    ) as is_on_its_way
from outreach.enrolments
inner join outreach.scenarios on enrolments.scenario_id = scenarios.scenario_id
inner join outreach.scenario_versions as versions on scenarios.current_version_id = versions.scenario_version_id
where
    enrolments.customer_id = %(customer_id)s
    and enrolments.scenario_id is distinct from %(scenario_id)s::bigint
    and enrolments.state = 'active'
    and not versions.multi_delivery
    -- a model that left the project keeps nobody from anything
    and scenarios.status <> 'archived'
    -- whose row a person deleted waits for nothing, and gives way
    and (
        exists (
            select
            from outreach.schedule_rows as waiting
            where
                waiting.enrolment_id = enrolments.enrolment_id
                and waiting.state in ('ready', 'held', 'sending', 'failed')
        )
        or exists (
            select
            from outreach.first_rows_awaited as awaited
            where awaited.enrolment_id = enrolments.enrolment_id
        )
    )
order by scenarios.priority nulls last, enrolments.entered_at, scenarios.scenario_code

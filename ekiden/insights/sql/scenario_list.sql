-- The ledger's scenarios, archived ones too; who is in and what is open are counted by the indexes of what is not over.
select
    scenarios.scenario_code,
    scenarios.scenario_name,
    scenarios.status,
    versions.multi_delivery,
    scenarios.priority,
    versions.version_no,
    (
        select count(distinct enrolments.customer_id)
        from outreach.enrolments
        where enrolments.scenario_id = scenarios.scenario_id and enrolments.state = 'active'
    ) as customers,
    (
        select count(*)
        from outreach.schedule_rows as rows
        where rows.scenario_id = scenarios.scenario_id and rows.state = any(%(open_states)s)
    ) as open_rows,
    scenarios.model_name
from outreach.scenarios
left join outreach.scenario_versions as versions on scenarios.current_version_id = versions.scenario_version_id

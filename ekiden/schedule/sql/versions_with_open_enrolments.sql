-- The versions that active enrolments' next messages belong to, with the customers that concern them.
select
    enrolments.scenario_id,
    versions.scenario_version_id,
    -- whether the table was built from this version
    versions.scenario_version_id = scenarios.current_version_id
    and scenarios.model_name <> all(%(broken_models)s) as is_current,
    scenarios.relation_name,
    versions.live_function,
    array_agg(distinct enrolments.customer_id) as customers
from outreach.enrolments
left join outreach.schedule_rows as open_rows
    on
        enrolments.enrolment_id = open_rows.enrolment_id
        and open_rows.state in ('ready', 'held', 'sending', 'failed')
inner join outreach.scenario_versions as versions
    on coalesce(open_rows.scenario_version_id, enrolments.scenario_version_id) = versions.scenario_version_id
inner join outreach.scenarios on enrolments.scenario_id = scenarios.scenario_id
where
    enrolments.state = 'active'
    and scenarios.status <> 'archived'
    and (%(scenario_ids)s::bigint[] is null or enrolments.scenario_id = any(%(scenario_ids)s))
group by
    enrolments.scenario_id, versions.scenario_version_id, scenarios.current_version_id, scenarios.model_name,
    scenarios.relation_name,
    versions.live_function

-- The versions of the enrolments that are looked at, with the customers whom an older version is asked about.
with versions as (
    select
        stoppable.scenario_id,
        versions.scenario_version_id,
        -- whether the table was built from this version
        versions.scenario_version_id = scenarios.current_version_id
        and scenarios.model_name <> all(%(broken_models)s) as is_current,
        scenarios.relation_name,
        versions.live_function,
        -- where the SQL was written by hand, only a table whose contract this plan has checked (`tables_to_check`)
        versions.live_function is not null
        or (scenarios.status = 'enabled' and scenarios.model_name <> all(%(broken_models)s)) as absence_tells
    from (
        select distinct
            scenario_id,
            scenario_version_id
        from pg_temp.stoppable
    ) as stoppable
    inner join outreach.scenario_versions as versions
        on stoppable.scenario_version_id = versions.scenario_version_id
    inner join outreach.scenarios on stoppable.scenario_id = scenarios.scenario_id
    left join eligibility.scenario_registry as registry on scenarios.model_name = registry.model_name
    where
        scenarios.status <> 'archived'
        -- nothing stands in the table of a broken definition, and everybody would seem to have left a segment
        and (versions.live_function is not null or (registry.definition -> %(faults_key)s::text) is null)
)

select
    versions.scenario_id,
    versions.scenario_version_id,
    versions.relation_name,
    case when not versions.is_current then versions.live_function end as live_function,
    case
        when not versions.is_current and versions.live_function is not null
            then array(
                select distinct stoppable.customer_id
                from pg_temp.stoppable
                where
                    stoppable.scenario_id = versions.scenario_id
                    and stoppable.scenario_version_id = versions.scenario_version_id
            )
    end as customers,
    versions.absence_tells
from versions

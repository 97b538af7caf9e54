-- The scenario versions of the rows asked about, and where each is asked: the built table, as long as it was built from
-- the conditions of that version, which name the live function; else the function over the facts of now, which is there
-- for every version. Neither: a model written by hand that broke or left the project.
with versions as (
    select
        versions.scenario_version_id,
        -- nothing stands in the table of a broken definition
        case
            when
                (registry.definition -> %(faults_key)s::text) is null
                and to_regclass(scenarios.relation_name) is not null
                and registry.model_name is not null
                and coalesce(registry.live_function, '') = coalesce(versions.live_function, '')
                then scenarios.relation_name
        end as relation_name,
        case
            when to_regprocedure(versions.live_function || '(text[])') is not null then versions.live_function
        end as live_function
    from outreach.scenario_versions as versions
    inner join outreach.scenarios on versions.scenario_id = scenarios.scenario_id
    left join eligibility.scenario_registry as registry on scenarios.model_name = registry.model_name
    where versions.scenario_version_id in (select asked_rows.scenario_version_id from pg_temp.asked_rows)
)

select
    versions.scenario_version_id,
    versions.relation_name,
    versions.live_function,
    array_agg(distinct asked_rows.customer_id) as customers
from versions
inner join pg_temp.asked_rows on versions.scenario_version_id = asked_rows.scenario_version_id
group by versions.scenario_version_id, versions.relation_name, versions.live_function

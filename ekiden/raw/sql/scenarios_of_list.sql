-- The scenarios that begin with coming onto a list.
select
    scenarios.scenario_code,
    scenarios.status
from outreach.scenarios
inner join outreach.scenario_versions as versions on scenarios.current_version_id = versions.scenario_version_id
where versions.definition -> 'anchor' ->> 'list_imported' = %(list_code)s and scenarios.status <> 'archived'
order by scenarios.scenario_code

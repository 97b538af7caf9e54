-- The contents that enabled scenarios' steps name.
select distinct steps.content
from outreach.scenarios
inner join outreach.scenario_version_steps as steps on scenarios.current_version_id = steps.scenario_version_id
where scenarios.status = 'enabled' and steps.content <> ''
order by steps.content asc

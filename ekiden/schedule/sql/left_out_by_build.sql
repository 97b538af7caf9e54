-- Whether the last build left this version's scenario out: nothing stands in a table that was left out.
select registry.definition ? %(faults_key)s as is_left_out
from outreach.scenario_versions as versions
inner join outreach.scenarios on versions.scenario_id = scenarios.scenario_id
inner join eligibility.scenario_registry as registry on scenarios.model_name = registry.model_name
where versions.scenario_version_id = %(scenario_version_id)s

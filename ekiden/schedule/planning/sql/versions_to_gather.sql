-- The versions of which every active enrolment is looked at: all versions of scenarios that are swept whole, and those
-- no longer current, which answer by facts that no build notes.
select versions.scenario_version_id
from pg_temp.sweeping
inner join outreach.scenarios on sweeping.scenario_id = scenarios.scenario_id
inner join outreach.scenario_versions as versions on scenarios.scenario_id = versions.scenario_id
where
    sweeping.whole_because is not null
    or (scenarios.status <> 'archived' and versions.scenario_version_id <> scenarios.current_version_id)

-- All of the given versions, which are those of scenarios swept whole and those no longer current.
select *
from outreach.enrolments
where
    scenario_id = any(%(scenario_ids)s)
    and scenario_version_id = any(%(version_ids)s)

-- The contents that enabled scenarios' steps send; what is exported for a printer needs none of ours.
select distinct
    steps.content,
    steps.channel
from outreach.scenarios
inner join outreach.scenario_version_steps as steps on scenarios.current_version_id = steps.scenario_version_id
where scenarios.may_send and steps.content <> '' and steps.channel = any(%(channels)s)
order by steps.content asc, steps.channel asc

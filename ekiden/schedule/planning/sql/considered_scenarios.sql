-- The scenarios that a plan is about, with what decides of everyone in them (`rule`, empty where each is looked at)
-- and the settings by which the sweep of their current version went.
select
    scenarios.scenario_id,
    scenarios.scenario_code,
    scenarios.relation_name,
    versions.past_date_policy,
    versions.period_from,
    versions.period_to,
    first_step.due_after_days,
    versions.enrol_at = 'anchor' as enters_at_anchor,
    versions.backfill_as_of,
    case
        when scenarios.model_name = any(%(broken_models)s) then 'definition_broken'
        when scenarios.status <> 'enabled' then 'not_enabled'
        when step_states.state = 'force_stopped' then 'step_stopped'
    end as rule
from outreach.scenarios
inner join outreach.scenario_versions as versions on scenarios.current_version_id = versions.scenario_version_id
inner join outreach.scenario_version_steps as first_step
    on versions.scenario_version_id = first_step.scenario_version_id and first_step.step_no = 1
inner join outreach.scenario_steps as step_states
    on scenarios.scenario_id = step_states.scenario_id and step_states.step_no = 1
where
    -- of a model that left the project there is nothing to say any more
    scenarios.status <> 'archived'
    and (%(scenario_ids)s::bigint[] is null or scenarios.scenario_id = any(%(scenario_ids)s))
order by scenarios.scenario_code

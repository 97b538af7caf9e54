-- The ledger's scenarios, archived ones too, with their current versions and the states of their steps.
select
    scenarios.model_name,
    scenarios.scenario_id,
    to_jsonb(scenarios) - array['scenario_id', 'model_name', 'current_version_id', 'updated_at'] as settings,
    versions.definition,
    versions.live_function,
    array(
        select array[steps.step_no::text, steps.state]
        from outreach.scenario_steps as steps
        where steps.scenario_id = scenarios.scenario_id
    ) as step_states
from outreach.scenarios
left join outreach.scenario_versions as versions
    on scenarios.current_version_id = versions.scenario_version_id

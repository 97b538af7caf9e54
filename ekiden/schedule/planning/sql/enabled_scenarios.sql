-- Only enabled scenarios create rows (R-030), and only from a first step that runs. With a selection the exclusive ones
-- that were not selected are read as well: they take part in the contest, and enter nobody.
select
    scenarios.scenario_id,
    scenarios.scenario_code,
    versions.scenario_version_id,
    scenarios.relation_name,
    versions.reentry,
    versions.on_retrigger,
    versions.multi_delivery,
    scenarios.priority,
    versions.enrol_at,
    versions.past_date_policy,
    versions.backfill_as_of,
    versions.look_back_days,
    versions.period_from,
    versions.period_to,
    first_step.due_after_days,
    %(scenario_ids)s::bigint[] is null or scenarios.scenario_id = any(%(scenario_ids)s) as is_selected
from outreach.scenarios
inner join outreach.scenario_versions as versions on scenarios.current_version_id = versions.scenario_version_id
inner join outreach.scenario_version_steps as first_step
    on versions.scenario_version_id = first_step.scenario_version_id and first_step.step_no = 1
inner join outreach.scenario_steps as step_states
    on scenarios.scenario_id = step_states.scenario_id and step_states.step_no = 1
where
    scenarios.status = 'enabled'
    and step_states.state = 'enabled'
    -- its table was built from a definition that nobody can read
    and scenarios.model_name <> all(%(broken_models)s)
    and (
        %(scenario_ids)s::bigint[] is null
        or scenarios.scenario_id = any(%(scenario_ids)s)
        or not versions.multi_delivery
    )

-- Scenarios with a version that their enrolments were not yet held against; from now on they were, each version once.
with edited as (
    update outreach.scenarios
    set reevaluated_version_id = current_version_id
    where
        reevaluated_version_id is distinct from current_version_id
        and status <> 'archived'
        -- its table was built from a definition that nobody can read
        and model_name <> all(%(broken_models)s)
        and (%(scenario_ids)s::bigint[] is null or scenario_id = any(%(scenario_ids)s))
    returning scenario_id, current_version_id, relation_name
)

select
    edited.scenario_id,
    edited.current_version_id,
    edited.relation_name
from edited
inner join outreach.scenario_versions as versions on edited.current_version_id = versions.scenario_version_id
where versions.reevaluate_on_update

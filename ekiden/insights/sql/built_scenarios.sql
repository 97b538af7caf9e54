-- The built scenario of a code. The function that explains is read by name of the field, as a registry that an earlier
-- version made has no such column until the next build.
select
    registry.definition,
    registry.model_name,
    registry.relation_name,
    registry.live_function,
    to_jsonb(registry) ->> 'explain_function' as explain_function,
    registry.built_at,
    scenarios.scenario_id,
    versions.version_no,
    scenarios.scenario_code as known_code
from eligibility.scenario_registry as registry
left join outreach.scenarios on registry.model_name = scenarios.model_name
left join outreach.scenario_versions as versions on scenarios.current_version_id = versions.scenario_version_id
where registry.definition ->> 'code' = %(code)s
-- two models may want one code; the ledger's is the one that is planned
order by (scenarios.scenario_code = %(code)s) desc nulls last, registry.model_name

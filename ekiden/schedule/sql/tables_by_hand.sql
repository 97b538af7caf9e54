-- Tables of the enabled scenarios whose SQL was written by hand: only the contract says what can be in them.
select
    scenarios.model_name,
    scenarios.relation_name,
    versions.definition -> 'anchor' as anchor
from outreach.scenarios
inner join outreach.scenario_versions as versions on scenarios.current_version_id = versions.scenario_version_id
where
    versions.live_function is null
    and scenarios.status = 'enabled'
    -- a broken one is left out already
    and scenarios.model_name <> all(%(broken_models)s)
    -- with a selection the exclusive ones are read as well: they take part in the contest
    and (
        %(scenario_ids)s::bigint[] is null
        or scenarios.scenario_id = any(%(scenario_ids)s)
        or not versions.multi_delivery
    )
    and to_regclass(scenarios.relation_name) is not null
order by scenarios.model_name

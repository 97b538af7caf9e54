-- Tables of the enabled scenarios whose SQL was written by hand, since only the contract says what can be in them; and
-- tables of any scenario that are not there.
with tables as (
    select
        scenarios.scenario_id,
        scenarios.model_name,
        scenarios.relation_name,
        to_regclass(scenarios.relation_name) is not null as is_there,
        versions.definition -> 'anchor' as anchor,
        versions.live_function is null and scenarios.status = 'enabled' as is_by_hand,
        not versions.multi_delivery as is_exclusive
    from outreach.scenarios
    inner join outreach.scenario_versions as versions on scenarios.current_version_id = versions.scenario_version_id
    where
        scenarios.status <> 'archived'
        -- a broken one is left out already
        and scenarios.model_name <> all(%(broken_models)s)
)

select
    model_name,
    relation_name,
    is_there,
    anchor
from tables
where
    (is_by_hand or not is_there)
    -- with a selection the exclusive ones are read as well: they take part in the contest
    and (%(scenario_ids)s::bigint[] is null or scenario_id = any(%(scenario_ids)s) or is_exclusive)
order by model_name

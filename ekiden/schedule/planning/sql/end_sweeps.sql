-- What was swept to its end. Scenarios that were left out this time, or whose tables nobody follows, begin anew.
with forgotten as (
    delete from outreach.sweeps
    where
        part = %(part)s
        and (%(scenario_ids)s::bigint[] is null or scenario_id = any(%(scenario_ids)s))
        and scenario_id not in (
            select sweeping.scenario_id from pg_temp.sweeping where sweeping.table_oid is not null
        )
)

insert into outreach.sweeps (
    scenario_id, part, scenario_version_id, table_oid, system_identifier, contains_before, swept_at, anchored_from,
    anchored_to, blocks_everywhere, batch_time
)
select
    scenario_id,
    %(part)s,
    scenario_version_id,
    table_oid,
    system_identifier,
    contains_before,
    %(now)s,
    anchored_from,
    anchored_to,
    %(blocks_everywhere)s,
    %(batch_time)s
from pg_temp.sweeping
where
    table_oid is not null
    and (%(scenario_ids)s::bigint[] is null or scenario_id = any(%(scenario_ids)s))
on conflict (scenario_id, part) do update set
    scenario_version_id = excluded.scenario_version_id,
    table_oid = excluded.table_oid,
    system_identifier = excluded.system_identifier,
    contains_before = excluded.contains_before,
    swept_at = excluded.swept_at,
    anchored_from = excluded.anchored_from,
    anchored_to = excluded.anchored_to,
    blocks_everywhere = excluded.blocks_everywhere,
    batch_time = excluded.batch_time

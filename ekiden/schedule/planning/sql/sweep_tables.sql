-- What one part of a sweep looks at; made anew for each part, gone when the plan is committed.
drop table if exists pg_temp.sweeping, pg_temp.looked_at;
-- the scenarios of one part of a sweep, as they stand; whole_because: why everybody is looked at, if so
create temporary table sweeping (
    scenario_id bigint primary key, scenario_version_id bigint, table_oid oid, system_identifier bigint,
    contains_before xid8, whole_because text, anchored_from date, anchored_to date
) on commit drop;
create temporary table looked_at (
    scenario_id bigint, customer_id text, primary key (scenario_id, customer_id)
) on commit drop;

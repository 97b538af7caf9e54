-- How far each scenario was swept, and what has changed since: so that planning looks at the customers for whom
-- something can have become new, and never again at all history. Whatever is not known for sure makes a sweep look at
-- everybody.
--
-- Changes are noted by transaction, for the reason that 0004_customer_changes.sql gives.

create table outreach.sweeps (
    scenario_id bigint not null references outreach.scenarios,
    -- who enters, and who is stopped, are looked for apart
    part text not null check (part in ('entries', 'stops')),
    scenario_version_id bigint not null references outreach.scenario_versions,
    -- the eligibility table that was read; a table made anew is another one. 0: none was needed
    table_oid oid not null,
    -- a cluster made from a dump counts its transactions anew
    system_identifier bigint not null,
    -- what transactions older than this one changed was seen
    contains_before xid8 not null,
    -- the instant at which eligibility was judged, and the anchor dates that were reached; from null: since ever
    swept_at timestamptz not null,
    anchored_from date,
    anchored_to date,
    primary key (scenario_id, part)
);

-- whom the last sweep found and could do nothing with: candidates turned away, and rows that were on their way when
-- their stop came true. Each sweep looks at them again.
create table outreach.carried_over (
    scenario_id bigint not null references outreach.scenarios,
    part text not null check (part in ('entries', 'stops')),
    customer_id text not null,
    primary key (scenario_id, part, customer_id)
);

-- whose enrolments ended, were removed or taken up again, where that can let them in or have them stopped
create table outreach.enrolment_changes (
    scenario_id bigint not null,
    -- null: it may be any customer
    customer_id text,
    transaction_id xid8 not null default pg_current_xact_id()
);

create index enrolment_changes_by_scenario on outreach.enrolment_changes (scenario_id, transaction_id);

-- A trigger keeps the plan of its first call in a session, which may have been about one row: a nested loop for a
-- hundred thousand that come later would take hours. Here and in the ledger's own triggers, which join what was to what
-- is.
create function outreach.note_enrolment_changes() returns trigger language plpgsql set enable_nestloop = off as $$
begin
    insert into outreach.enrolment_changes (scenario_id, customer_id)
    select distinct after.scenario_id, after.customer_id
    from before
    inner join after on before.enrolment_id = after.enrolment_id
    inner join outreach.scenarios as scenarios on after.scenario_id = scenarios.scenario_id
    inner join outreach.scenario_versions as versions
        on scenarios.current_version_id = versions.scenario_version_id
    where
        before.state <> after.state
        -- who enters once and never again is kept out by any enrolment, ended or not
        and (versions.reentry <> 'never' or after.state in ('removed', 'active'));
    return null;
end
$$;

alter function outreach.record_enrolment_changes() set enable_nestloop = off;
alter function outreach.record_schedule_row_changes() set enable_nestloop = off;

create trigger note_changes after update on outreach.enrolments
referencing old table as before new table as after
for each statement execute function outreach.note_enrolment_changes();

-- a step that was stopped, run and stopped again between two sweeps has new rows
create function outreach.note_step_changes() returns trigger language plpgsql as $$
begin
    insert into outreach.enrolment_changes (scenario_id) values (new.scenario_id);
    return null;
end
$$;

create trigger note_changes after update of state on outreach.scenario_steps
for each row when (old.state is distinct from new.state)
execute function outreach.note_step_changes();

-- active enrolments that were born without a row, because their first step is not due yet or cannot run
create table outreach.first_rows_awaited (
    enrolment_id bigint primary key references outreach.enrolments,
    scenario_id bigint not null,
    anchor_date date not null
);

create index first_rows_awaited_by_anchor on outreach.first_rows_awaited (scenario_id, anchor_date);

insert into outreach.first_rows_awaited (enrolment_id, scenario_id, anchor_date)
select
    enrolments.enrolment_id,
    enrolments.scenario_id,
    enrolments.anchor_date
from outreach.enrolments as enrolments
where
    enrolments.state = 'active'
    and not exists (
        select
        from outreach.schedule_rows as rows
        where rows.enrolment_id = enrolments.enrolment_id and rows.state <> 'deleted'
    );

-- enrolments on a version that is no longer current answer through its function, at every sweep
drop index outreach.active_enrolments;
create index active_enrolments on outreach.enrolments (scenario_id, scenario_version_id) where state = 'active';

-- what a run made is counted at its end: rows of one run lie together in the index, however many others there are
create index rows_by_run on outreach.schedule_rows (run_id);

-- Eligibility tables whose changes are noted. The triggers go with the table; one that is made anew is followed anew.
create table changed.followed_tables (
    table_oid oid primary key,
    -- another cluster may give the number to another table
    system_identifier bigint not null,
    -- turning points from this instant on are known
    turns_from timestamptz not null
);

create table changed.eligibility_changes (
    table_oid oid not null,
    -- null: it may be any customer
    customer_id text,
    transaction_id xid8 not null default pg_current_xact_id()
);

create index eligibility_changes_by_table on changed.eligibility_changes (table_oid, transaction_id);

-- The instants at which rows that nobody changes begin to let in, or begin or cease to stop. Almost all of history's
-- lie behind every sweep to come, and are left out. One too many, of a row that is gone, costs a look at its customer.
create table changed.turning_points (
    table_oid oid not null,
    turns_at timestamptz not null,
    customer_id text not null,
    primary key (table_oid, turns_at, customer_id)
);

-- The statement that notes the turning points of some rows of table $1 from instant $2 on; a statement and no function
-- that runs it, as what a trigger is given cannot be seen from another function.
create function changed.noting_turning_points(query text) returns text
language sql immutable as $$
    select format(
        'insert into changed.turning_points (table_oid, turns_at, customer_id)'
        ' select distinct $1, turns.turns_at, changed_rows.customer_id'
        ' from (%s) as changed_rows'
        ' cross join lateral ('
        '     select lower(span) from unnest(changed_rows.entry_during) as entry (span)'
        '     union all'
        '     select bound from unnest(changed_rows.stop_during) as stop (span),'
        '         lateral (values (lower(span)), (upper(span))) as bounds (bound)'
        ' ) as turns (turns_at)'
        ' where changed_rows.customer_id is not null and turns.turns_at >= $2 and isfinite(turns.turns_at)'
        -- the rest only says the same faster, for the many rows of which everything lies in the past
        ' and ('
        '     lower(changed_rows.entry_during) >= $2'
        '     or lower(changed_rows.stop_during) >= $2'
        '     or upper(changed_rows.stop_during) >= $2'
        '     or changed_rows.entry_during <> range_merge(changed_rows.entry_during)::tstzmultirange'
        '         and coalesce(upper(changed_rows.entry_during) >= $2, true)'
        '     or changed_rows.stop_during <> range_merge(changed_rows.stop_during)::tstzmultirange'
        '         and coalesce(upper(changed_rows.stop_during) >= $2, true)'
        ' )'
        ' on conflict do nothing',
        query
    )
$$;

create function changed.note_eligibility() returns trigger language plpgsql as $$
declare
    -- beyond a twentieth, looking at everybody is about as fast; ten thousand are few in any shop
    many_customers constant bigint := (select greatest(10000, reltuples / 20) from pg_class where oid = tg_relid);
    since constant timestamptz := (select turns_from from changed.followed_tables where table_oid = tg_relid);
    changed_rows constant text := case tg_op
        when 'INSERT' then 'select * from new_rows'
        when 'DELETE' then 'select * from old_rows'
        else 'select * from new_rows union all select * from old_rows'
    end;
    found bigint := many_customers + 1;
begin
    -- a copy of a table, as `like … including all` makes it, is not followed
    if since is null then
        return null;
    end if;
    if tg_op <> 'TRUNCATE' then
        execute format(
            'insert into changed.eligibility_changes (table_oid, customer_id)'
            ' select distinct %s::oid, customer_id from (%s) as changed_rows where customer_id is not null limit %s',
            tg_relid, changed_rows, many_customers + 1
        );
        get diagnostics found = row_count;
        if tg_op <> 'DELETE' then
            execute changed.noting_turning_points('select * from new_rows') using tg_relid, since;
        end if;
    end if;
    if found > many_customers then
        insert into changed.eligibility_changes (table_oid) values (tg_relid);
    end if;
    return null;
end
$$;

-- From now on changes of this eligibility table are noted. Whoever builds such a table calls it in the same
-- transaction; again changes nothing. A table that nobody follows is swept whole.
create function changed.follow_eligibility(followed regclass) returns void language plpgsql as $$
declare
    cluster constant bigint := (select system_identifier from pg_control_system());
    latest date;
    since timestamptz;
begin
    if exists (
        select from changed.followed_tables where table_oid = followed::oid and system_identifier = cluster
    ) then
        return;
    end if;
    execute format('select max(anchor_date) from %s', followed) into latest;
    -- The sweep that follows a table made anew looks at everybody, and the next one needs what turns after that: a
    -- month before now leaves room for a clock that is set back, and a month before the last anchor for a shop whose
    -- history ended long ago. An empty table has no past.
    since := least(clock_timestamp(), coalesce(latest::timestamptz, '-infinity')) - interval '31 days';
    insert into changed.followed_tables (table_oid, system_identifier, turns_from)
    values (followed::oid, cluster, since)
    on conflict (table_oid) do update set
        system_identifier = excluded.system_identifier,
        turns_from = excluded.turns_from;
    execute changed.noting_turning_points(format('select * from %s', followed)) using followed::oid, since;
    -- one trigger for each kind of statement: those with rows cannot share one
    execute format(
        'create or replace trigger note_inserted after insert on %1$s referencing new table as new_rows'
        ' for each statement execute function changed.note_eligibility();'
        'create or replace trigger note_updated after update on %1$s referencing old table as old_rows new table as new_rows'
        ' for each statement execute function changed.note_eligibility();'
        'create or replace trigger note_deleted after delete on %1$s referencing old table as old_rows'
        ' for each statement execute function changed.note_eligibility();'
        'create or replace trigger note_truncated after truncate on %1$s'
        ' for each statement execute function changed.note_eligibility();',
        followed
    );
end
$$;

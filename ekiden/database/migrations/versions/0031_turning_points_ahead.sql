-- Turning points are noted two years ahead and no further: whoever asks for birthdays has fifty years of them for every
-- customer. And a row is looked at once for whether it has any there, where it was asked of each of its bounds.

-- Turning points before this instant are known; a sweep at a later one looks at everybody. What is followed so far has
-- these, and some beyond.
alter table changed.followed_tables
add column turns_before timestamptz not null default now() + interval '2 years';
alter table changed.followed_tables alter column turns_before drop default;

-- As in 0008, of those after the lower bound of range $2 and before its upper one.
create or replace function changed.noting_turning_points(query text) returns text
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
        ' where'
        '     changed_rows.customer_id is not null'
        '     and turns.turns_at > lower($2) and turns.turns_at < upper($2) and isfinite(turns.turns_at)'
        -- the rest only says the same faster, for the many rows of which nothing begins or ends in there
        '     and ('
        '         (changed_rows.entry_during && $2 and not changed_rows.entry_during @> $2)'
        '         or (changed_rows.stop_during && $2 and not changed_rows.stop_during @> $2)'
        '     )'
        -- as the key lies: a million in any order would be put down at a million places
        ' order by turns.turns_at, changed_rows.customer_id'
        ' on conflict do nothing',
        query
    )
$$;

-- The range of noting_turning_points: from an instant on, which is one of them, until before another. Nothing lies in
-- it where that is no later: sweeps by a clock that was ahead forget what they have passed, known or not.
create function changed.turns_within(since timestamptz, before timestamptz) returns tstzrange
language sql immutable as $$
    select tstzrange(
        (since at time zone 'UTC' - interval '1 microsecond') at time zone 'UTC', greatest(since, before), '()'
    )
$$;

create or replace function changed.note_eligibility() returns trigger language plpgsql as $$
declare
    -- beyond a twentieth, looking at everybody is about as fast; ten thousand are few in any shop
    many_customers constant bigint := (select greatest(10000, reltuples / 20) from pg_class where oid = tg_relid);
    -- at least two years: whoever reads by an older snapshot does not see how much is known by now
    known constant tstzrange := (
        select changed.turns_within(turns_from, greatest(turns_before, clock_timestamp() + interval '2 years'))
        from changed.followed_tables
        where table_oid = tg_relid
    );
    changed_rows constant text := case tg_op
        when 'INSERT' then 'select * from new_rows'
        when 'DELETE' then 'select * from old_rows'
        else 'select * from new_rows union all select * from old_rows'
    end;
    found bigint := many_customers + 1;
begin
    -- a copy of a table, as `like … including all` makes it, is not followed
    if known is null then
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
            execute changed.noting_turning_points('select * from new_rows') using tg_relid, known;
        end if;
    end if;
    if found > many_customers then
        insert into changed.eligibility_changes (table_oid) values (tg_relid);
    end if;
    return null;
end
$$;

-- As in 0008; where less than a year is known ahead, more is noted.
create or replace function changed.follow_eligibility(followed regclass) returns void language plpgsql as $$
declare
    cluster constant bigint := (select system_identifier from pg_control_system());
    known_before constant timestamptz := (
        select turns_before from changed.followed_tables
        where
            table_oid = followed::oid
            and system_identifier = cluster
            -- else sweeps by a clock that was ahead have forgotten what comes
            and turns_from <= clock_timestamp()
    );
    latest date;
    since timestamptz;
    before constant timestamptz := clock_timestamp() + interval '2 years';
begin
    if known_before >= clock_timestamp() + interval '1 year' then
        return;
    end if;
    -- a row that is being written elsewhere would be noted no further than is known so far, or not at all
    execute format('lock table %s in share row exclusive mode', followed);
    if known_before is not null then
        update changed.followed_tables set turns_before = before where table_oid = followed::oid;
        execute changed.noting_turning_points(format('select * from %s', followed))
        using followed::oid, changed.turns_within(known_before, before);
        return;
    end if;
    execute format('select max(anchor_date) from %s', followed) into latest;
    -- The sweep that follows a table made anew looks at everybody, and the next one needs what turns after that: a
    -- month before now leaves room for a clock that is set back, and a month before the last anchor for a shop whose
    -- history ended long ago. An empty table has no past.
    since := least(clock_timestamp(), coalesce(latest::timestamptz, '-infinity')) - interval '31 days';
    insert into changed.followed_tables (table_oid, system_identifier, turns_from, turns_before)
    values (followed::oid, cluster, since, before)
    on conflict (table_oid) do update set
        system_identifier = excluded.system_identifier,
        turns_from = excluded.turns_from,
        turns_before = excluded.turns_before;
    execute changed.noting_turning_points(format('select * from %s', followed))
    using followed::oid, changed.turns_within(since, before);
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

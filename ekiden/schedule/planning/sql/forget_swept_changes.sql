-- What every sweep has taken in. A month of turning points stays, for a clock that is set back. Notes of transactions
-- that are still to come, and not this one's own, are another server's, restored by a dump: they would count as changes
-- until this one came to them, and every sweep that could read them looks at everybody.
with tables as (
    select
        followed.table_oid,
        min(sweeps.contains_before) as contain_before,
        min(sweeps.swept_at) - interval '31 days' as turns_from,
        count(pg_class.oid) = 0 as are_gone
    from changed.followed_tables as followed
    left join outreach.sweeps on followed.table_oid = sweeps.table_oid
    left join pg_class on followed.table_oid = pg_class.oid
    group by followed.table_oid
),

eligibility_changes as (
    delete from changed.eligibility_changes as changes
    using tables
    where
        changes.table_oid = tables.table_oid
        -- who was never swept will be swept whole
        and (
            tables.contain_before is null
            or changes.transaction_id < tables.contain_before
            or (
                changes.transaction_id >= pg_snapshot_xmax(pg_current_snapshot())
                and changes.transaction_id <> pg_current_xact_id()
            )
        )
),

turning_points as (
    delete from changed.turning_points
    where
        ctid = any(array(
            select passed.place
            from tables
            cross join lateral (
                select turns.ctid as place
                from changed.turning_points as turns
                where
                    turns.table_oid = tables.table_oid
                    and turns.turns_at < case when tables.are_gone then 'infinity' else tables.turns_from end
                -- in the order of the index, table by table: joined, all those still to come would be read as well
                order by turns.turns_at
            ) as passed
        ))
),

followed_later as (
    update changed.followed_tables as followed
    set turns_from = tables.turns_from
    from tables
    where
        followed.table_oid = tables.table_oid
        and not tables.are_gone
        and followed.turns_from < tables.turns_from
),

gone as (
    delete from changed.followed_tables as followed
    using tables
    where followed.table_oid = tables.table_oid and tables.are_gone
)

delete from outreach.enrolment_changes as changes
using (
    select
        scenarios.scenario_id,
        min(sweeps.contains_before) as contain_before
    from outreach.scenarios
    left join outreach.sweeps on scenarios.scenario_id = sweeps.scenario_id or %(blocks_everywhere)s
    group by scenarios.scenario_id
) as swept
where
    changes.scenario_id = swept.scenario_id
    and (
        swept.contain_before is null
        or changes.transaction_id < swept.contain_before
        or (
            changes.transaction_id >= pg_snapshot_xmax(pg_current_snapshot())
            and changes.transaction_id <> pg_current_xact_id()
        )
    )

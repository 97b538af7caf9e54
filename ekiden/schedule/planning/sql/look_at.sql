-- The customers for whom something can have become new since the last sweep of scenarios that are not swept whole.
insert into pg_temp.looked_at (scenario_id, customer_id)
with last as (
    select sweeps.*
    from outreach.sweeps
    inner join pg_temp.sweeping on sweeps.scenario_id = sweeping.scenario_id and sweeping.whole_because is null
    where sweeps.part = %(part)s
)

-- a build changed their rows
select
    last.scenario_id,
    changes.customer_id
from last
inner join changed.eligibility_changes as changes
    on last.table_oid = changes.table_oid and last.contains_before <= changes.transaction_id
where changes.customer_id is not null
union
-- time did: the last instant is among them, as a span may begin right after it
select
    last.scenario_id,
    turns.customer_id
from last
inner join changed.turning_points as turns
    on last.table_oid = turns.table_oid and last.swept_at <= turns.turns_at and turns.turns_at <= %(now)s
union
-- an enrolment of theirs ended, or was taken up again; one of another scenario matters where a block there does
select
    last.scenario_id,
    changes.customer_id
from last
inner join outreach.enrolment_changes as changes
    on
        (last.scenario_id = changes.scenario_id or %(blocks_everywhere)s)
        and last.contains_before <= changes.transaction_id
where changes.customer_id is not null
union
select
    last.scenario_id,
    carried.customer_id
from last
inner join outreach.carried_over as carried on last.scenario_id = carried.scenario_id and last.part = carried.part

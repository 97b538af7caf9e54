-- The swept scenarios whose planned days the sweep before this one decided about, of everybody, and whether this one,
-- which knows for whom something can have become new, has anybody of theirs to decide about.
select
    sweeping.scenario_id,
    sweeping.scenario_id in (
        select looked_at.scenario_id from pg_temp.looked_at
        union all
        select candidates.scenario_id from pg_temp.candidates
    ) as has_new
from pg_temp.sweeping
inner join outreach.decided_days on sweeping.scenario_id = decided_days.scenario_id
where
    sweeping.whole_because is null
    and decided_days.first_day <= %(first_day)s::date
    and decided_days.last_day >= %(last_day)s::date

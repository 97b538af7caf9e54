-- The first of the instants that the database's zone data does not show as ours does.
select min(asked.instant) as differs_at
from unnest(%(instants)s::timestamptz[], %(shown)s::timestamp[]) as asked (instant, shown)
where asked.instant at time zone %(time_zone)s <> asked.shown

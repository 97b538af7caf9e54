-- What this run decided about, and no longer what the one before did: a sweep looks only at what is new since the last.
with forgotten as (
    delete from outreach.decided_days
    where scenario_id = any(%(considered)s) and scenario_id <> all(%(decided)s)
)

insert into outreach.decided_days (scenario_id, first_day, last_day)
select
    scenario_id,
    %(first_day)s::date,
    %(last_day)s::date
from unnest(%(decided)s::bigint[]) as decided (scenario_id)
on conflict (scenario_id) do update set first_day = excluded.first_day, last_day = excluded.last_day

-- The latest run of each kind that moves rows on. A plan of days that were all still to come planned none of them.
select distinct on (kind)
    kind,
    actor,
    partition_from,
    partition_to,
    started_at,
    finished_at,
    outcome,
    case when outcome = 'failed' then coalesce(summary ->> 'error', '') end as error
from outreach.runs
where
    kind in ('send', 'export')
    or (kind = 'plan' and partition_from <= (started_at at time zone %(time_zone)s)::date)
order by kind asc, started_at desc

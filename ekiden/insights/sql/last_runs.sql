-- The latest run of each kind that moves rows on.
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
where kind in ('plan', 'send', 'export')
order by kind asc, started_at desc

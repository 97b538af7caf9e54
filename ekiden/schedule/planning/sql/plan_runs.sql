-- Every planning run, with what it left out of its days; runs from before that was kept covered every scenario.
select
    partition_from as first_day,
    partition_to as last_day,
    started_at,
    coalesce(outcome = 'succeeded', false) as succeeded,
    summary -> 'scenarios' as scenarios,
    summary -> 'left_out' as left_out
from outreach.runs
where kind = 'plan'

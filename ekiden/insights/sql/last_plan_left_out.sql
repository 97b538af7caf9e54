-- Whether the last plan of every scenario left a model out for its faults.
select runs.summary -> 'left_out' ? %(model_name)s as is_left_out
from outreach.runs
where
    runs.kind = 'plan'
    and runs.outcome = 'succeeded'
    and runs.summary ->> 'scenarios' is null
order by runs.started_at desc
limit 1

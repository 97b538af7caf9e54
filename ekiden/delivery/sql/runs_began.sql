select min(started_at) as began_at
from outreach.runs
where run_id = any(%(run_ids)s)

-- Of the given runs those that marked the people of their file.
select run_id
from outreach.runs
where run_id = any(%(run_ids)s) and kind = 'export' and outcome = 'succeeded'

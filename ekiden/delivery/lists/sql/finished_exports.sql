-- Of the given runs those that marked the people of their file.
select run_id
from outreach.runs
where
    run_id = any(%(run_ids)s)
    and kind = 'export'
    and outcome = 'succeeded'
    -- one that was tried again and found nobody then has no file: what an attempt before left names people it took back
    and coalesce((summary ->> 'exported')::integer > 0, true)

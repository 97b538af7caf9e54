-- The send runs that no notice was about yet. A day back: who has just asked for notices is not told the whole past.
select
    runs.run_id,
    runs.started_at,
    runs.dagster_run_id,
    -- a run that did nothing may have ended as it liked
    coalesce(runs.outcome = 'failed' and (runs.summary ->> 'claimed')::integer > 0, false) as ended_early
from outreach.runs
where
    runs.kind = 'send'
    and runs.started_at > %(now)s - interval '1 day'
    and not exists (select from outreach.admin_notice_runs as told where told.run_id = runs.run_id)
order by runs.started_at, runs.run_id

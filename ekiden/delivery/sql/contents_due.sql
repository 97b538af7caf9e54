-- The contents of rows whose time has come, each of its own scenario version.
select distinct steps.content
from outreach.schedule_rows as rows
inner join outreach.scenario_version_steps as steps
    on rows.scenario_version_id = steps.scenario_version_id and rows.step_no = steps.step_no
where rows.state = 'ready' and rows.send_at <= %(now)s

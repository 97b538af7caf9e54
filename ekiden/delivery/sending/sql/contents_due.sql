-- The contents of the rows that a send run would claim, each of its own scenario version.
select distinct
    steps.content,
    rows.channel
from outreach.schedule_rows as rows
inner join outreach.sending_scenarios as scenarios on rows.scenario_id = scenarios.scenario_id
inner join outreach.scenario_version_steps as steps
    on rows.scenario_version_id = steps.scenario_version_id and rows.step_no = steps.step_no
where
    rows.state = 'ready'
    and rows.send_at <= %(now)s
    and rows.channel = any(%(channels)s)
    and (%(due_date)s::date is null or rows.due_date = %(due_date)s)

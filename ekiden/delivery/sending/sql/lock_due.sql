-- The next rows to send, locked: whoever else is sending takes others.
select judged.*
from outreach.schedule_rows as rows
inner join outreach.sending_scenarios as scenarios on rows.scenario_id = scenarios.scenario_id
inner join outreach.scenario_version_steps as steps
    on rows.scenario_version_id = steps.scenario_version_id and rows.step_no = steps.step_no
cross join lateral ({judged_columns}) as judged
where
    rows.state = 'ready'
    and rows.send_at <= %(now)s
    and rows.channel = any(%(channels)s)
    and steps.content <> all(%(broken_contents)s::text[])
    and (%(due_date)s::date is null or rows.due_date = %(due_date)s)
order by rows.send_at, rows.schedule_row_id -- noqa: PRS
limit %(batch_size)s
for update of rows skip locked

-- How many rows are due for a list and kept off it by a pause.
select count(*) as paused
from outreach.schedule_rows as rows
inner join outreach.scenarios on rows.scenario_id = scenarios.scenario_id
where
    rows.state = 'ready'
    and rows.channel = any(%(channels)s)
    and rows.due_date <= %(today)s
    and scenarios.may_send
    and scenarios.scenario_id in (select paused.scenario_id from outreach.paused_scenarios as paused)
    and (%(scenario)s::text is null or scenarios.scenario_code = %(scenario)s)

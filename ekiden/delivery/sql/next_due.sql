select min(rows.send_at)
from outreach.schedule_rows as rows
inner join outreach.scenarios on rows.scenario_id = scenarios.scenario_id
where
    rows.state = 'ready'
    and rows.send_at > %(after)s
    and rows.send_at <= %(until)s
    and rows.channel = any(%(channels)s)
    and scenarios.may_send
    and scenarios.scenario_id not in (select paused.scenario_id from outreach.paused_scenarios as paused)
    and (%(due_dates)s::date[] is null or rows.due_date = any(%(due_dates)s))

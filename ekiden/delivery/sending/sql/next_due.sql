select min(rows.send_at)
from outreach.schedule_rows as rows
inner join outreach.sending_scenarios as scenarios on rows.scenario_id = scenarios.scenario_id
where
    rows.state = 'ready'
    and rows.send_at > %(after)s
    and rows.send_at <= %(until)s
    and rows.channel = any(%(channels)s)
    and (%(due_dates)s::date[] is null or rows.due_date = any(%(due_dates)s))

-- What a sensor looks at: due dates with something to send now, the oldest first.
select
    rows.due_date,
    count(*) as rows,
    min(rows.send_at) as oldest_send_at,
    max(rows.send_at) as newest_send_at
from outreach.schedule_rows as rows
inner join outreach.scenarios on rows.scenario_id = scenarios.scenario_id
where
    rows.state = 'ready'
    and rows.send_at <= %(now)s
    and rows.channel = any(%(channels)s)
    and scenarios.may_send
    and scenarios.scenario_id not in (select paused.scenario_id from outreach.paused_scenarios as paused)
group by rows.due_date
order by rows.due_date -- noqa: PRS

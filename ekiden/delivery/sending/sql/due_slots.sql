-- What a sensor looks at: due dates with something to send now, the oldest first.
select
    rows.due_date,
    count(*) as rows,
    min(rows.send_at) as oldest_send_at,
    max(rows.send_at) as newest_send_at
from outreach.schedule_rows as rows
inner join outreach.sending_scenarios as scenarios on rows.scenario_id = scenarios.scenario_id
where
    rows.state = 'ready'
    and rows.send_at <= %(now)s
    and rows.channel = any(%(channels)s)
group by rows.due_date
order by rows.due_date -- noqa: PRS

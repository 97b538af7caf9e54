-- Due rows of channels that nobody here has credentials for: they stay ready until somebody has.
select
    rows.channel,
    count(*) as rows,
    min(rows.send_at) as oldest_send_at
from outreach.schedule_rows as rows
inner join outreach.scenarios on rows.scenario_id = scenarios.scenario_id
where
    rows.state = 'ready'
    and rows.send_at <= %(now)s
    and rows.channel = any(%(sent_channels)s)
    and rows.channel <> all(%(carried_channels)s)
    and scenarios.may_send
group by rows.channel
order by rows.channel -- noqa: PRS

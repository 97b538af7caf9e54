-- Whether so many rows wait for these channels; who counts no further is done in a moment, however many there are.
select count(*) >= %(many)s
from (
    select
    from outreach.schedule_rows as rows
    inner join outreach.sending_scenarios as scenarios on rows.scenario_id = scenarios.scenario_id
    where
        rows.state = 'ready'
        and rows.send_at <= %(now)s
        and rows.channel = any(%(channels)s)
        and (%(due_date)s::date is null or rows.due_date = %(due_date)s)
    limit %(many)s -- noqa: AM09
) as due

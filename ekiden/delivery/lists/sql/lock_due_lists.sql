-- What is due for a list, locked: late or not, until somebody extracts it (R-150, R-152). Rows that somebody is just
-- changing are left to the next export, so that nobody waits for anybody.
insert into pg_temp.due_lists (schedule_row_id, scenario_id)
select
    rows.schedule_row_id,
    rows.scenario_id
from outreach.schedule_rows as rows
inner join outreach.sending_scenarios as scenarios on rows.scenario_id = scenarios.scenario_id
where
    rows.state = 'ready'
    and rows.channel = any(%(channels)s)
    and rows.due_date <= %(today)s
    and (%(scenario)s::text is null or scenarios.scenario_code = %(scenario)s)
for update of rows skip locked

-- The next of the locked rows, as a claim looks at them.
select
    judged.*,
    rows.channel
from pg_temp.due_lists
inner join outreach.schedule_rows as rows on due_lists.schedule_row_id = rows.schedule_row_id
inner join outreach.scenarios on rows.scenario_id = scenarios.scenario_id
cross join lateral ({judged_columns}) as judged
where due_lists.schedule_row_id > %(after)s
order by due_lists.schedule_row_id -- noqa: PRS
limit %(page)s

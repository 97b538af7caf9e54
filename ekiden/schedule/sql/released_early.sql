-- Of the rows that were just released, those whose day is still to come.
select count(*)
from pg_temp.chosen_rows as chosen
inner join outreach.schedule_rows as rows on chosen.schedule_row_id = rows.schedule_row_id
where
    chosen.state = 'held'
    and rows.state = 'ready'
    and rows.due_date > (%(now)s::timestamptz at time zone %(time_zone)s)::date

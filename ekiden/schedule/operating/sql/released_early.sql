-- Of the rows that were just released, the messages whose day is still to come: no list has anybody before it (T11).
select count(*)
from pg_temp.chosen_rows as chosen
inner join outreach.schedule_rows as rows on chosen.schedule_row_id = rows.schedule_row_id
where
    chosen.state = 'held'
    and rows.state = 'ready'
    and rows.channel <> all(%(exported_channels)s)
    and rows.due_date > (%(now)s::timestamptz at time zone %(time_zone)s)::date

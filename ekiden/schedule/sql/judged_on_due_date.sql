-- The instant at which entry is judged: for a day gone by that of its own planning, else now (Q-13).
case
    when anchor_date + %(entry_offset)s::integer < %(today)s::date
        then (anchor_date + %(entry_offset)s::integer + %(batch_time)s::time) at time zone %(time_zone)s
    else %(now)s::timestamptz
end

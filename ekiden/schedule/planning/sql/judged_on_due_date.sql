-- The instant at which entry is judged: for a day gone by that of its own planning, else now (Q-13). What came after
-- that planning is judged as it came, as nothing could let it in before.
case
    when anchor_date + %(entry_offset)s::integer < %(today)s::date
        then least(
            greatest(
                anchor_at,
                (anchor_date + %(entry_offset)s::integer + %(batch_time)s::time) at time zone %(time_zone)s
            ),
            %(now)s::timestamptz
        )
    else %(now)s::timestamptz
end

-- Rows whose outcome nobody knew and of which the provider has told since: it carried the message, or dropped it.
-- Whatever it tells of a message but a drop shows that it carried it, in whichever attempt. A drop is that of the last
-- attempt only if it happened after it was posted, our clocks being apart a little, and we were told of it since the
-- attempt before was over.
select
    rows.schedule_row_id,
    rows.message_id,
    told.is_accepted,
    told.provider_message_id,
    told.drop_reason
from outreach.attempts
inner join outreach.schedule_rows as rows
    on attempts.schedule_row_id = rows.schedule_row_id and attempts.attempt_no = rows.attempts
left join outreach.attempts as before
    on attempts.schedule_row_id = before.schedule_row_id and attempts.attempt_no = before.attempt_no + 1
inner join lateral (
    select
        bool_or(events.kind <> 'dropped') as is_accepted,
        bool_or(
            events.kind = 'dropped'
            and events.happened_at >= attempts.posted_at - %(clocks_apart)s
            and events.received_at > coalesce(before.finished_at, '-infinity')
        ) as is_dropped,
        -- what the answer to a post calls the message is the part before the first point
        min(split_part(events.provider_message_id, '.', 1)) as provider_message_id,
        min(events.about) filter (where events.kind = 'dropped') as drop_reason
    from outreach.delivery_events as events
    where events.message_id = rows.message_id
) as told on told.is_accepted or told.is_dropped
where attempts.outcome = 'unknown' and rows.state = 'sending'
order by rows.schedule_row_id -- noqa: PRS
limit %(rows)s
for update of rows skip locked

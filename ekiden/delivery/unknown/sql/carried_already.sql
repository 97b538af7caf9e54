-- Of rows that were posted before, those whose message the provider has: whatever it tells of a message but a drop
-- shows that. What the answer to a post calls the message is the part of its id before the first point.
select
    rows.message_id,
    min(split_part(events.provider_message_id, '.', 1)) as provider_message_id
from outreach.schedule_rows as rows
inner join outreach.delivery_events as events on rows.message_id = events.message_id
where
    rows.schedule_row_id = any(%(rows)s)
    and rows.attempts > 1
    and events.kind <> 'dropped'
group by rows.message_id

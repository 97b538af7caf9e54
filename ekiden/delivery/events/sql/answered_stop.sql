-- Who has answered STOP to our SMS, by new events, and since when we know.
select
    customer_id,
    min(happened_at) as known_since,
    (array_agg(message_id order by happened_at, event_key))[1] as message_id
from outreach.delivery_events
where delivery_event_id = any(%(events)s) and about = %(answered_stop)s and customer_id is not null
group by customer_id

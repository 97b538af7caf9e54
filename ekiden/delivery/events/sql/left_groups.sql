-- Who left which unsubscribe group, and when first, by new events.
select
    customer_id,
    address,
    group_id,
    min(happened_at) as left_at,
    (array_agg(message_id order by happened_at, event_key))[1] as message_id
from outreach.delivery_events
where
    delivery_event_id = any(%(events)s)
    and kind = 'group_unsubscribe'
    and (customer_id is not null or address is not null)
group by customer_id, address, group_id

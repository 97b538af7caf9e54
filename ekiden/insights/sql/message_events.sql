-- What the provider told of one message, in order of time; of the same second, in the order in which they come about.
select
    kind,
    happened_at,
    about,
    is_machine
from outreach.delivery_events
where message_id = %(message_id)s
order by
    happened_at,
    array_position(array['processed', 'dropped', 'deferred', 'delivered', 'blocked', 'bounce', 'open', 'click'], kind),
    event_key

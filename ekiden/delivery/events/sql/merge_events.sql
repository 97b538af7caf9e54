-- What a redelivery adds to a fact that is known. Every column only grows or only shrinks, so that any order of the
-- same requests ends the same.
with told as (
    {found}
),

known as (
    select
        events.delivery_event_id,
        least(told.happened_at, events.happened_at) as happened_at,
        told.is_machine or events.is_machine as is_machine,
        least(told.address, events.address) as address,
        told.address is not null and events.address is null as is_addressed_now,
        least(told.group_id, events.group_id) as group_id,
        least(told.smtp_status, events.smtp_status) as smtp_status,
        least(told.provider_message_id, events.provider_message_id) as provider_message_id,
        array(
            select distinct ids.id
            from unnest(told.provider_event_ids || events.provider_event_ids) as ids (id)
            order by ids.id
        ) as provider_event_ids,
        least(told.received_at, events.received_at) as received_at
    from told
    inner join outreach.delivery_events as events on decode(told.event_key, 'hex') = events.event_key
    order by events.event_key
    for update of events
)

update outreach.delivery_events as events
set
    happened_at = known.happened_at,
    is_machine = known.is_machine,
    address = known.address,
    group_id = known.group_id,
    smtp_status = known.smtp_status,
    provider_message_id = known.provider_message_id,
    provider_event_ids = known.provider_event_ids,
    received_at = known.received_at
from known
where
    events.delivery_event_id = known.delivery_event_id
    and (
        events.happened_at, events.is_machine, events.address, events.group_id, events.smtp_status,
        events.provider_message_id, events.provider_event_ids, events.received_at
    ) is distinct from (
        known.happened_at, known.is_machine, known.address, known.group_id, known.smtp_status,
        known.provider_message_id, known.provider_event_ids, known.received_at
    )
returning
    events.delivery_event_id,
    -- only now is it known whom it forbids to write to
    known.is_addressed_now

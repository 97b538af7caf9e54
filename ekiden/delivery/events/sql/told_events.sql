-- The events of some requests, each fact once, however often and under whatever ids it was told.
select
    told.event_key,
    told.message_id,
    told.kind,
    -- of a provider that says no time it is when we were told first
    min(told.happened_at) as happened_at,
    told.about,
    lower(min(told.address)) as address,
    bool_or(told.is_machine) as is_machine,
    min(told.group_id) as group_id,
    min(told.smtp_status) as smtp_status,
    min(told.provider_message_id) as provider_message_id,
    coalesce(
        array_agg(distinct told.provider_event_id) filter (where told.provider_event_id is not null), '{{}}'
    ) as provider_event_ids,
    min(told.received_at) as received_at
from
    jsonb_to_recordset(%(events)s::jsonb) as told (
        event_key text,
        message_id uuid,
        kind text,
        happened_at timestamptz,
        about text,
        address text,
        is_machine boolean,
        group_id text,
        smtp_status text,
        provider_message_id text,
        provider_event_id text,
        received_at timestamptz
    )
group by told.event_key, told.message_id, told.kind, told.about

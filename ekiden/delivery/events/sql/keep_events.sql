-- New facts; in the order of their keys, so that drainers that meet wait for each other and never in a circle.
with told as (
    {found}
)

insert into outreach.delivery_events (
    event_key, provider, message_id, customer_id, kind, happened_at, about, address, is_machine, group_id, smtp_status,
    provider_message_id, provider_event_ids, received_at
)
select
    decode(told.event_key, 'hex') as event_key,
    %(provider)s as provider,
    told.message_id,
    rows.customer_id,
    told.kind,
    told.happened_at,
    told.about,
    told.address,
    told.is_machine,
    told.group_id,
    told.smtp_status,
    told.provider_message_id,
    told.provider_event_ids,
    told.received_at
from told
left join lateral (
    -- each attempt of a row carries the same id
    select rows.customer_id
    from outreach.attempts
    inner join outreach.schedule_rows as rows on attempts.schedule_row_id = rows.schedule_row_id
    where attempts.message_id = told.message_id
    order by attempts.attempt_no
    limit 1
) as rows on true
order by told.event_key -- noqa: PRS
on conflict (event_key) do nothing
returning delivery_event_id

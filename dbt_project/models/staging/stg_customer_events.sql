with shop_events as (
    select
        event_id,
        customer_id,
        event_type,
        event_at,
        product_id,
        details
    from {{ source('raw', 'customer_events') }}
),

-- what customers did with our messages; a machine that fetches images before anybody has read them is no customer
message_events as (
    select
        'delivery ' || encode(event_key, 'hex') as event_id,
        customer_id,
        case kind when 'open' then 'opened' else 'clicked' end as event_type,
        happened_at as event_at,
        null::text as product_id,
        jsonb_strip_nulls(jsonb_build_object('message_id', message_id, 'link', about)) as details
    from {{ source('ledger', 'delivery_events') }}
    where
        customer_id is not null
        and kind in ('open', 'click')
        and not is_machine
)

select * from shop_events
union all
select * from message_events

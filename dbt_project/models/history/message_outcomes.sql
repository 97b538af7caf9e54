with events as (
    select * from {{ source('outreach', 'delivery_events') }}
    where message_id is not null and customer_id is not null
)

select
    message_id,
    customer_id,

    -- on its way
    min(happened_at) filter (where kind = 'processed') as processed_at,
    count(*) filter (where kind = 'deferred') as deferrals,
    min(happened_at) filter (where kind = 'delivered') as delivered_at,
    min(happened_at) filter (where kind = 'blocked') as blocked_at,
    min(happened_at) filter (where kind = 'bounce') as bounced_at,
    min(happened_at) filter (where kind = 'dropped') as dropped_at,
    min(happened_at) filter (where kind in ('undelivered', 'failed')) as undelivered_at,
    (
        array_agg(about order by happened_at desc, event_key asc)
        filter (where kind in ('blocked', 'bounce', 'dropped', 'undelivered', 'failed'))
    )[1] as failure_reason,

    -- with the customer
    min(happened_at) filter (where kind = 'open' and not is_machine) as first_opened_at,
    count(*) filter (where kind = 'open' and not is_machine) as opens,
    count(*) filter (where kind = 'open' and is_machine) as machine_opens,
    min(happened_at) filter (where kind = 'click') as first_clicked_at,
    count(*) filter (where kind = 'click') as clicks,
    min(happened_at) filter (where kind = 'spamreport') as complained_at,
    min(happened_at) filter (where kind in ('unsubscribe', 'group_unsubscribe')) as unsubscribed_at
from events
group by message_id, customer_id

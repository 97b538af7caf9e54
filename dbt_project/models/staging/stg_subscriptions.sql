select
    subscription_id,
    customer_id,
    product_id,
    started_at,
    -- one that ended before it began never ran
    case when cancelled_at is not null then greatest(cancelled_at, started_at) end as cancelled_at,
    cancel_reason
from {{ source('raw', 'subscriptions') }}

with source as (
    select * from {{ source('raw', 'subscriptions') }}
)

select
    subscription_id,
    customer_id,
    product_id,
    started_at,
    cancelled_at,
    cancel_reason
from source

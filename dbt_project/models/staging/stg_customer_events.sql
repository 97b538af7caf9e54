select
    event_id,
    customer_id,
    event_type,
    event_at,
    product_id,
    details
from {{ source('raw', 'customer_events') }}

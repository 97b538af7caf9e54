select
    endpoint,
    customer_id,
    p256dh,
    auth,
    subscribed_at,
    ended_at
from {{ source('raw', 'web_push_subscriptions') }}

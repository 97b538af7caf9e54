-- One row is one message: to the browser that the customer allowed last, as JSON that its channel reads.
select
    jsonb_build_object(
        'endpoint', subscriptions.endpoint,
        'keys', jsonb_build_object('p256dh', subscriptions.p256dh, 'auth', subscriptions.auth)
    )::text
from staging.stg_web_push_subscriptions as subscriptions
where subscriptions.customer_id = {customer_id} and subscriptions.ended_at is null
order by subscriptions.subscribed_at desc, subscriptions.endpoint asc
limit 1

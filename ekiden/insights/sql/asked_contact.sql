-- Where a customer can be reached, as the shop has it now, and the site that a message of a given scenario would be of:
-- the scenario's, else that of the customer's account.
select
    customers.email,
    customers.email_2,
    customers.newsletter_status,
    customers.phone,
    customers.line_user_id,
    (
        select
            jsonb_build_object(
                'endpoint', subscriptions.endpoint,
                'keys', jsonb_build_object('p256dh', subscriptions.p256dh, 'auth', subscriptions.auth)
            )::text
        from staging.stg_web_push_subscriptions as subscriptions
        where subscriptions.customer_id = customers.customer_id and subscriptions.ended_at is null
        order by subscriptions.subscribed_at desc, subscriptions.endpoint asc
        limit 1
    ) as web_push_subscription,
    -- a shop's own staging need not have the column
    coalesce(%(site)s::text, nullif(to_jsonb(customers) ->> 'site', '')) as site
from staging.stg_customers as customers
where customers.customer_id = %(customer_id)s

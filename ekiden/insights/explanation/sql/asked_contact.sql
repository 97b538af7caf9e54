-- Where a customer can be reached, as the shop has it now, and the site that a message of a given scenario would be of:
-- the scenario's, else that of the customer's account.
select
    customers.email,
    customers.email_2,
    customers.newsletter_status,
    customers.phone,
    customers.line_user_id,
    ({web_push_subscription}) as web_push_subscription,
    -- a shop's own staging need not have the column
    coalesce(%(site)s::text, nullif(to_jsonb(customers) ->> 'site', '')) as site
from staging.stg_customers as customers
where customers.customer_id = %(customer_id)s

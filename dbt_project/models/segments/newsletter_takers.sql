with customers as (
    select * from {{ ref('stg_customers') }}
),

customer_history as (
    select * from {{ ref('stg_customer_history') }}
    where field = 'newsletter_status'
),

-- put together and no join: what narrows the customers then reaches both
statuses as (
    select
        customer_id,
        value as newsletter_status,
        valid,
        true as is_of_history
    from customer_history
    union all
    -- as it is now, and as it has always been for whom no history is known
    select
        customer_id,
        newsletter_status,
        tstzrange(null, null) as valid,
        false as is_of_history
    from customers
),

known_statuses as (
    select
        *,
        bool_or(is_of_history) over (partition by customer_id) as has_history
    from statuses
)

select
    customer_id,
    range_agg(valid) as valid
from known_statuses
where is_of_history = has_history and newsletter_status in ('both', 'pc', 'mobile')
group by customer_id

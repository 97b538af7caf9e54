{{ config(unique_key='customer_id', indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

with customers as (
    select * from {{ facts_read('customers', ref('stg_customers')) }}
),

orders as (
    select * from {{ facts_read('orders', ref('orders')) }}
),

order_history as (
    select
        customer_id,
        count(*) as orders,
        min(ordered_at) as first_ordered_at,
        max(ordered_at) as last_ordered_at,
        sum(amount) as amount
    from orders
    where not isempty(counts_during) and upper_inf(counts_during)
    group by customer_id
)

select
    customers.customer_id,

    -- identity
    customers.family_name,
    customers.given_name,
    customers.gender,
    customers.birth_date,
    customers.member_rank,
    customers.site,

    -- consent
    customers.newsletter_status,
    customers.duplicate_status,

    -- history
    customers.registered_at,
    customers.registered_on,
    order_history.first_ordered_at,
    order_history.last_ordered_at,
    coalesce(order_history.orders, 0) as orders,
    coalesce(order_history.amount, 0) as amount
from customers
left join order_history on customers.customer_id = order_history.customer_id

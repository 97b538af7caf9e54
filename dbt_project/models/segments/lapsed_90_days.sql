-- lapsed from the start of the 90th day after an order until the next order
with orders as (
    select * from {{ ref('stg_orders') }}
),

standing_orders as (
    select
        customer_id,
        {{ start_of_local_date('ordered_on + 90') }} as lapses_at,
        lead(ordered_at) over (partition by customer_id order by ordered_at, order_id) as next_ordered_at
    from orders
    where not isempty(counts_during) and upper_inf(counts_during)
),

lapses as (
    select
        customer_id,
        tstzrange(lapses_at, next_ordered_at) as lapsed_during
    from standing_orders
    where next_ordered_at is null or next_ordered_at > lapses_at
)

select
    customer_id,
    range_agg(lapsed_during) as valid
from lapses
group by customer_id

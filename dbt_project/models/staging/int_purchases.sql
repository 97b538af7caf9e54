with order_lines as (
    select * from {{ ref('stg_order_lines') }}
),

orders as (
    select * from {{ ref('stg_orders') }}
),

purchases as (
    select
        orders.customer_id,
        orders.order_id,
        order_lines.line_no,
        order_lines.product_id,
        order_lines.quantity,
        order_lines.amount,
        orders.ordered_at,
        orders.counts_during
    from order_lines
    inner join orders on order_lines.order_id = orders.order_id
)

select * from purchases

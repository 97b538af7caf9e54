select
    orders.customer_id,
    orders.order_id,
    order_lines.line_no,
    order_lines.product_id,
    order_lines.quantity,
    order_lines.amount,
    orders.ordered_at,
    orders.counts_during,
    orders.status,
    orders.cancelled_at
from {{ ref('stg_order_lines') }} as order_lines
inner join {{ ref('stg_orders') }} as orders on order_lines.order_id = orders.order_id

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
    orders.cancelled_at,
    orders.kind,
    orders.continuation_no,
    orders.site,
    orders.ordered_on,
    orders.payment_anchor_on,
    orders.shipped_on,
    orders.desired_delivery_anchor_on
from {{ ref('stg_order_lines') }} as order_lines
inner join {{ ref('stg_orders') }} as orders on order_lines.order_id = orders.order_id

-- The lines of an anchor order, as the shop has them now; none where the anchor is no order (null).
select
    lines.line_no,
    lines.product_id,
    products.product_name,
    lines.quantity,
    orders.ordered_at
from staging.stg_order_lines as lines
inner join staging.stg_orders as orders on lines.order_id = orders.order_id
left join staging.stg_products as products on lines.product_id = products.product_id
where lines.order_id = %(order_id)s::text
order by lines.line_no

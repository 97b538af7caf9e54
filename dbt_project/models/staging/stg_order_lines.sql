select
    order_id,
    line_no,
    product_id,
    quantity,
    amount
from {{ source('raw', 'order_lines') }}

select
    product_id,
    category_code
from {{ source('raw', 'product_categories') }}

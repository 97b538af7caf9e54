with source as (
    select * from {{ source('raw', 'product_categories') }}
)

select
    product_id,
    category_code
from source

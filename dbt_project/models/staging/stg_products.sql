with source as (
    select * from {{ source('raw', 'products') }}
)

select
    product_id,
    product_name,
    price,
    url,
    image_url
from source

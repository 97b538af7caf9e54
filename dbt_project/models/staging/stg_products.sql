select
    product_id,
    product_name,
    price,
    url,
    image_url
from {{ source('raw', 'products') }}

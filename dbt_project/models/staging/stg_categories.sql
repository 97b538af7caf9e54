select
    category_code,
    category_name,
    parent_code
from {{ source('raw', 'categories') }}

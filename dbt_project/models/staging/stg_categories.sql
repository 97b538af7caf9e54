with source as (
    select * from {{ source('raw', 'categories') }}
)

select
    category_code,
    category_name,
    parent_code
from source

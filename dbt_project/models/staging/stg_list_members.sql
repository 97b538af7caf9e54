with source as (
    select * from {{ source('raw', 'list_members') }}
)

select
    list_code,
    customer_id,
    added_at
from source

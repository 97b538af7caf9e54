with source as (
    select * from {{ source('raw', 'customer_tags') }}
)

select
    customer_id,
    tag,
    granted_at
from source

select
    list_code,
    customer_id,
    added_at
from {{ source('raw', 'list_members') }}

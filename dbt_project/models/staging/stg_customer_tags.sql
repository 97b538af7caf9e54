select
    customer_id,
    tag,
    granted_at
from {{ source('raw', 'customer_tags') }}

with source as (
    select * from {{ source('raw', 'payment_methods') }}
)

select
    payment_method,
    method_type,
    paid_display
from source

select
    payment_method,
    method_type,
    paid_display
from {{ source('raw', 'payment_methods') }}

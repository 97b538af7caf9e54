select
    customer_id,
    field,
    -- what is empty means what it does in customers
    coalesce(value, case field when 'newsletter_status' then 'both' end) as value,
    -- before the first change that is known of, its value had always been there
    tstzrange(
        case when lag(changed_at) over by_time is not null then changed_at end,
        lead(changed_at) over by_time
    ) as valid
from {{ source('raw', 'customer_history') }}
window by_time as (partition by customer_id, field order by changed_at)

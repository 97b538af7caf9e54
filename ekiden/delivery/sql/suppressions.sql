select
    suppression_id,
    customer_id,
    address,
    reason,
    source,
    suppressed_at
from outreach.suppression_list
where
    (%(customer_id)s::text is null or customer_id = %(customer_id)s)
    and (%(address)s::text is null or address = %(address)s)
order by suppressed_at desc, suppression_id desc
limit %(limit)s

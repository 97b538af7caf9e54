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
    and (
        %(addresses)s::text[] is null
        or address = any(%(addresses)s)
        or (
            address !~ '[a-z@]'
            and regexp_replace(normalize(address, nfkc), '[^0-9]', '', 'g') = %(digits)s::text
        )
    )
order by suppressed_at desc, suppression_id desc
limit %(limit)s

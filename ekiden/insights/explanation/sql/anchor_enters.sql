-- One anchor, if its entry conditions hold at an instant by the table.
select customer_id
from {eligibility}
where
    customer_id = %(customer_id)s
    and anchor_kind = %(anchor_kind)s
    and anchor_key = %(anchor_key)s
    and entry_during @> %(at)s::timestamptz

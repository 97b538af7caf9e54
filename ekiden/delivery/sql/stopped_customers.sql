-- Which of the given customers' anchors are stopped at this very moment.
select
    customer_id,
    anchor_kind,
    anchor_key
from {eligibility}
where customer_id = any(%(customers)s) and stop_during @> %(now)s::timestamptz

-- One customer's anchors as the last build has them.
select
    anchor_kind,
    anchor_key,
    anchor_at,
    anchor_date,
    entry_during,
    stop_during,
    entry_during - stop_during as may_enter_during
from {eligibility}
where customer_id = %(customer_id)s
order by anchor_at, anchor_key

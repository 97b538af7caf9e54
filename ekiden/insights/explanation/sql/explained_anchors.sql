-- One customer's anchors as the facts are now, and the row about the customer.
select
    anchor_kind,
    anchor_key,
    anchor_at,
    anchor_date,
    entry_during,
    stop_during,
    entry_during - stop_during as may_enter_during,
    explanation
from {function}(array[%(customer_id)s])
order by anchor_at, anchor_key

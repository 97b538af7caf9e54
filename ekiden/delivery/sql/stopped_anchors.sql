-- The given anchors, as they are at this very moment, and whether each is stopped.
select
    eligibility.customer_id,
    eligibility.anchor_kind,
    eligibility.anchor_key,
    eligibility.stop_during @> %(now)s::timestamptz as is_stopped
from {eligibility} as eligibility
where
    (eligibility.customer_id, eligibility.anchor_key)
    in (select * from unnest(%(anchor_customers)s::text[], %(anchor_keys)s::text[]))

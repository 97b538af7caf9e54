-- The given anchors, as they are at this very moment, and whether each is stopped, and since when.
select
    -- of these types also after a build that gives the table others: what is prepared outlives it
    eligibility.customer_id::text,
    eligibility.anchor_kind::text,
    eligibility.anchor_key::text,
    eligibility.stop_during @> %(now)s::timestamptz as is_stopped,
    (
        -- no sooner than the anchor: what was before that the enrolment was not about. What has no history, like a
        -- customer's gender, did not hold as they came in, and began nobody knows when
        select case when not lower_inf(span) then greatest(lower(span), eligibility.anchor_at) end
        from unnest(eligibility.stop_during) as span
        where span @> %(now)s::timestamptz
    ) as left_at
from {eligibility} as eligibility
where
    (eligibility.customer_id, eligibility.anchor_key)
    in (select * from unnest(%(anchor_customers)s::text[], %(anchor_keys)s::text[]))

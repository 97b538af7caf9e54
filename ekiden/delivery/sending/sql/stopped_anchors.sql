-- Which of the given anchors are stopped at this very moment, and since when; and which of them are gone.
with asked as (
    select *
    from
        unnest(%(customers)s::text[], %(anchor_kinds)s::text[], %(anchor_keys)s::text[])
        with ordinality as anchors (customer_id, anchor_kind, anchor_key, place)
),

-- of these types also after a build that gives the table others: what is prepared outlives it
standing as (
    select
        eligibility.customer_id::text as customer_id,
        eligibility.anchor_kind::text as anchor_kind,
        eligibility.anchor_key::text as anchor_key,
        eligibility.anchor_at,
        eligibility.stop_during
    from {eligibility} as eligibility
    where
        (eligibility.customer_id, eligibility.anchor_key)
        in (
            select
                asked.customer_id,
                asked.anchor_key
            from asked
        )
)

select
    asked.place,
    standing.customer_id is null as is_gone,
    (
        -- no sooner than the anchor: what was before that the enrolment was not about. What has no history, like a
        -- customer's gender, did not hold as they came in, and began nobody knows when
        select case when not lower_inf(span) then greatest(lower(span), standing.anchor_at) end
        from unnest(standing.stop_during) as span
        where span @> %(now)s::timestamptz
    ) as left_at
from asked
left join standing
    on
        asked.customer_id = standing.customer_id
        and asked.anchor_kind = standing.anchor_kind
        and asked.anchor_key = standing.anchor_key
where standing.customer_id is null or standing.stop_during @> %(now)s::timestamptz

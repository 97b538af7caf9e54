-- What breaks the contract in one scenario's table, which is read once: each breach with its rows, and one anchor of
-- them. The same rules as dbt's test `eligibility_contract`; a test holds both against one table.
with anchors as (
    select
        customer_id,
        anchor_key,
        count(*) - 1 as repeated,
        count(*) filter (
            where
            not isempty(entry_during)
            and (lower_inf(entry_during) or lower(entry_during) < anchor_at)
        ) as early,
        count(*) filter (
            where
            customer_id is null
            or anchor_kind is null
            or anchor_key is null
            or anchor_at is null
            or anchor_date is null
            or entry_during is null
            or stop_during is null
        ) as incomplete,
        count(*) filter (where anchor_kind <> %(anchor_kind)s) as of_another_kind
    from {eligibility}
    group by customer_id, anchor_kind, anchor_key
),

broken as (
    select *
    from anchors
    where repeated + early + incomplete + of_another_kind > 0
)

select
    breaches.breach,
    sum(breaches.breaking_rows)::bigint as breaking_rows,
    (array_agg(broken.customer_id order by broken.customer_id, broken.anchor_key))[1] as customer_id,
    (array_agg(broken.anchor_key order by broken.customer_id, broken.anchor_key))[1] as anchor_key
from broken
cross join
    lateral (
        values
        ('repeated', broken.repeated),
        ('early', broken.early),
        ('incomplete', broken.incomplete),
        ('of_another_kind', broken.of_another_kind)
    ) as breaches (breach, breaking_rows)
where breaches.breaking_rows > 0
group by breaches.breach
order by breaches.breach

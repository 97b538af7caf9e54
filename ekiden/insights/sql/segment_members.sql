-- The customers in a segment at an instant, each with the span that holds it.
with segment as (
    {query}
),

stays as (
    select
        segment.customer_id,
        {valid} as during
    from segment
)

select
    stays.customer_id::text as customer_id,
    -- an infinity is as open as no bound
    nullif(lower(span), '-infinity') as entered_at,
    nullif(upper(span), 'infinity') as leaves_at
from stays
cross join lateral unnest(stays.during) as span
where span @> {at}::timestamptz
order by customer_id
limit {most}

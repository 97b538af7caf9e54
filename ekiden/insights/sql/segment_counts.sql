-- How many customers a segment has at an instant, and how many rows more than one a customer.
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
    count(distinct customer_id) filter (where during @> {at}::timestamptz) as customers,
    count(distinct customer_id) filter (where not isempty(during)) as ever,
    count(*) - count(distinct customer_id) as surplus_rows
from stays

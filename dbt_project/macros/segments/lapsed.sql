{#
What several segments have in common. A segment itself is a model under models/segments; here are its building blocks.
#}

{% macro lapsed_spans(days) -%}
    {#- The body of a segment of those who have not ordered for some days: per customer, from the start of the local day
        that many days after an order that stands until the next such order. -#}
with orders as (
    select * from {{ ref('stg_orders') }}
),

standing_orders as (
    select
        customer_id,
        {{ start_of_local_date('ordered_on + ' ~ days) }} as lapses_at,
        lead(ordered_at) over (partition by customer_id order by ordered_at, order_id) as next_ordered_at
    from orders
    where not isempty(counts_during) and upper_inf(counts_during)
),

lapses as (
    select
        customer_id,
        tstzrange(lapses_at, next_ordered_at) as lapsed_during
    from standing_orders
    where next_ordered_at is null or next_ordered_at > lapses_at
)

select
    customer_id,
    range_agg(lapsed_during) as valid
from lapses
group by customer_id
{%- endmacro %}

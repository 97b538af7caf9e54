{#
What several segments have in common. A segment itself is a model under models/segments; here are its building blocks.
#}

{% macro lapsed_spans(days, events=[]) -%}
    {#- The body of a segment of those who have not ordered for some days, nor done any of some events since: per
        customer, from the start of the local day that many days after the last of these until the next. -#}
with orders as (
    select * from {{ ref('stg_orders') }}
),
{% if events %}
events as (
    select * from {{ ref('stg_customer_events') }}
),
{% endif %}
signs as (
    select
        customer_id,
        ordered_at as seen_at,
        ordered_on as seen_on,
        true as is_order
    from orders
    where not isempty(counts_during) and upper_inf(counts_during)
    {%- if events %}
    union all
    select
        customer_id,
        event_at,
        {{ local_date('event_at') }},
        false
    from events
    where event_type in ({{ text_list(events) }})
    {%- endif %}
),

gaps as (
    select
        customer_id,
        {{ start_of_local_date('seen_on + ' ~ days) }} as lapses_at,
        lead(seen_at) over by_time as next_seen_at,
        bool_or(is_order) over by_time as has_ordered
    from signs
    window by_time as (partition by customer_id order by seen_at)
),

lapses as (
    select
        customer_id,
        tstzrange(lapses_at, next_seen_at) as lapsed_during
    from gaps
    where
        (next_seen_at is null or next_seen_at > lapses_at)
        -- who never ordered does not stay away
        and has_ordered
)

select
    customer_id,
    range_agg(lapsed_during) as valid
from lapses
group by customer_id
{%- endmacro %}

{#
Condition frames (R-100a to R-102j). A frame compiles to one CTE with one row per customer (or per customer and anchor)
and `held`, the tstzmultirange of the instants at which the frame's condition holds. Frames are folded left to right
with the multirange operators: and `*`, or `+`, not `-` (R-100i).
#}

{% macro frame_occurrences(frame) -%}
    {#- One row per thing the frame counts: orders, never quantities (R-102h), each with `counts_during`, the span in
        which it counts: from when it happened until, for an order, it was cancelled (R-102j). -#}
    {%- if frame.type == 'product' -%}
    select distinct purchases.customer_id, purchases.order_id as occurrence, purchases.counts_during
    from purchases
    where purchases.product_id in ({{ text_list(frame.codes) }})
    {%- elif frame.type == 'category' -%}
    select distinct purchases.customer_id, purchases.order_id as occurrence, purchases.counts_during
    from purchases
    inner join product_categories on purchases.product_id = product_categories.product_id
    where product_categories.category_code in ({{ text_list(frame.codes) }})
    {%- elif frame.type == 'order' -%}
    select orders.customer_id, orders.order_id as occurrence, orders.counts_during
    from orders
    {%- elif frame.type == 'event' -%}
    select
        customer_events.customer_id,
        customer_events.event_id as occurrence,
        tstzrange(customer_events.event_at, null) as counts_during
    from customer_events
    where customer_events.event_type in ({{ text_list(frame.codes) }})
    {%- else -%}
    {{ exceptions.raise_compiler_error("unknown frame type '" ~ frame.type ~ "'; known: product, category, order, event") }}
    {%- endif -%}
{%- endmacro %}

{% macro frame_since(frame, default_since) -%}
    {#- Whether only what came after the anchor counts (C-12). -#}
    {{- frame.get('since', 'all_time' if frame.get('count') else default_since) -}}
{%- endmacro %}

{% macro count_predicate(count) -%}
    {#- Zero never matches, not even 'or fewer' (R-102c, Q-07). -#}
    {%- if count.op == 'eq' -%} occurrences = {{ count.n }}
    {%- elif count.op == 'gte' -%} occurrences >= {{ count.n }}
    {%- elif count.op == 'lte' -%} occurrences between 1 and {{ count.n }}
    {%- else -%}
    {{ exceptions.raise_compiler_error("unknown count operator '" ~ count.op ~ "'; known: eq, gte, lte") }}
    {%- endif -%}
{%- endmacro %}

{% macro frame_cte(name, frame, default_since) -%}
    {%- set per_anchor = frame_since(frame, default_since) == 'anchor' -%}
    {%- set keys = 'customer_id, anchor_key' if per_anchor else 'customer_id' -%}
    {%- set count = frame.get('count') -%}
{{ name }}_occurrences as (
    {{ frame_occurrences(frame) }}
),

    {%- if per_anchor %}

{{ name }}_counted as (
    select occurrences.customer_id, anchors.anchor_key, occurrences.counts_during
    from {{ name }}_occurrences as occurrences
    inner join anchors on occurrences.customer_id = anchors.customer_id
    where not isempty(occurrences.counts_during) and lower(occurrences.counts_during) > anchors.anchor_at
),
    {%- else %}

{{ name }}_counted as (
    select customer_id, counts_during from {{ name }}_occurrences
    where not isempty(counts_during)
),
    {%- endif %}

    {%- if count and not (count.op == 'gte' and count.n == 1) %}

-- the count goes up when an occurrence starts to count and down when it ends
{{ name }}_changes as (
    select {{ keys }}, changed_at, sum(change) as change
    from (
        select {{ keys }}, lower(counts_during) as changed_at, 1 as change from {{ name }}_counted
        union all
        select {{ keys }}, upper(counts_during) as changed_at, -1 as change from {{ name }}_counted
        where not upper_inf(counts_during)
    ) as changes
    group by {{ keys }}, changed_at
),

{{ name }}_counts as (
    select
        {{ keys }},
        tstzrange(changed_at, lead(changed_at) over by_time) as during,
        sum(change) over by_time as occurrences
    from {{ name }}_changes
    window by_time as (partition by {{ keys }} order by changed_at)
),

{{ name }} as (
    select {{ keys }}, range_agg(during) as held
    from {{ name }}_counts
    where {{ count_predicate(count) }}
    group by {{ keys }}
),
    {%- else %}

{{ name }} as (
    select {{ keys }}, range_agg(counts_during) as held
    from {{ name }}_counted
    group by {{ keys }}
),
    {%- endif %}
{%- endmacro %}

{% macro frame_ctes(section, frames, default_since) -%}
    {%- for frame in frames %}
{{ frame_cte(section ~ '_' ~ loop.index, frame, default_since) }}
    {%- endfor %}
{%- endmacro %}

{% macro frame_joins(section, frames, default_since) -%}
    {%- for frame in frames %}
    {%- set name = section ~ '_' ~ loop.index %}
    left join {{ name }} on anchors.customer_id = {{ name }}.customer_id
        {%- if frame_since(frame, default_since) == 'anchor' %} and anchors.anchor_key = {{ name }}.anchor_key{% endif %}
    {%- endfor %}
{%- endmacro %}

{% macro fold_frames(section, frames, when_empty) -%}
    {#- The frames of one section as one multirange expression; `when_empty` where the section has none. -#}
    {%- if not frames -%}
    {{ when_empty }}
    {%- else -%}
        {%- set folded = namespace(sql='') -%}
        {%- for frame in frames -%}
            {%- set held = "coalesce(" ~ section ~ "_" ~ loop.index ~ ".held, '{}')" -%}
            {%- set relation = frame.get('relation', 'and') -%}
            {%- if loop.first -%}
                {%- set folded.sql = ("'{(,)}'::tstzmultirange - " ~ held) if relation == 'not' else held -%}
            {%- else -%}
                {%- set operator = {'and': '*', 'or': '+', 'not': '-'}[relation] -%}
                {%- set folded.sql = '(' ~ folded.sql ~ ') ' ~ operator ~ ' ' ~ held -%}
            {%- endif -%}
        {%- endfor -%}
    ({{ folded.sql }})
    {%- endif -%}
{%- endmacro %}

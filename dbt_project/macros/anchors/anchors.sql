{#
Anchors: the dates that step offsets count from (R-060 to R-078). Every macro here yields one row per customer and
anchor: `customer_id`, `anchor_key`, `anchor_at`, `anchor_date` (local), `judged_at` (the instant at which the target
must hold for this anchor to be one; null: judged when the row is created) and `anchor_during` (the span in which the
anchor itself stands).
#}

{% macro anchor_kind(scenario) -%}
    {{- scenario.anchor if scenario.anchor is string else (scenario.anchor.keys() | list)[0] -}}
{%- endmacro %}

{% macro anchor_argument(scenario) -%}
    {{- '' if scenario.anchor is string else (scenario.anchor.values() | list)[0] -}}
{%- endmacro %}

{% macro anchor_rows(scenario) -%}
    {%- set kind = anchor_kind(scenario) -%}
    {%- set argument = anchor_argument(scenario) -%}
    {%- if kind == 'ordered' -%} {{ order_anchor_rows(scenario, 'ordered_at', 'ordered_on') }}
    {%- elif kind in ['paid', 'shipped', 'desired_delivery'] -%}
        {%- set date = {
            'paid': 'payment_anchor_on', 'shipped': 'shipped_on', 'desired_delivery': 'desired_delivery_anchor_on'
        }[kind] -%}
        {{ order_anchor_rows(scenario, start_of_local_date(date), date) }}
    {%- elif kind == 'member_registered' -%} {{ registration_anchor_rows() }}
    {%- elif kind == 'entered' -%} {{ segment_anchor_rows(argument) }}
    {%- elif kind == 'list_imported' -%}
        {{ dated_anchor_rows('list_members', 'list_code', argument, 'list_code', 'added_at') }}
    {%- elif kind == 'tag_granted' -%}
        {{ dated_anchor_rows('customer_tags', 'tag', argument, 'tag', 'granted_at') }}
    {%- elif kind == 'event' -%}
        {{ dated_anchor_rows('customer_events', 'event_type', argument, 'event_id', 'event_at') }}
    {%- else -%}
    {{ exceptions.raise_compiler_error("scenario '" ~ scenario.code ~ "': unknown anchor '" ~ kind ~ "'") }}
    {%- endif -%}
{%- endmacro %}

{% macro order_anchor_rows(scenario, anchor_at, anchor_date) -%}
    {#- An order that passes the scenario's order filters and holds a product of some frame that is not a NOT (Q-15).
        Cancelled, it stands no longer (R-050); returned, it does (R-051). -#}
    {%- set filters = scenario.get('orders', {}) -%}
    {%- set products = [] -%}
    {%- set categories = [] -%}
    {%- set any_order = namespace(allowed=true, bought_anything=false) -%}
    {%- for frame in scenario.get('target', {}).get('frames', []) if frame.get('relation') != 'not' -%}
        {%- if frame.type == 'product' -%} {%- do products.extend(frame.codes) -%} {%- set any_order.allowed = false -%}
        {%- elif frame.type == 'category' -%} {%- do categories.extend(frame.codes) -%} {%- set any_order.allowed = false -%}
        {%- elif frame.type == 'order' -%} {%- set any_order.bought_anything = true -%}
        {%- endif -%}
    {%- endfor -%}
    select
        orders.customer_id,
        orders.order_id as anchor_key,
        {{ anchor_at }} as anchor_at,
        {{ anchor_date }} as anchor_date,
        orders.ordered_at as judged_at,
        orders.counts_during as anchor_during
    from orders
    where {{ anchor_date }} is not null
        {%- if filters.get('kind', 'all') != 'all' %}
        and orders.kind = {{ text_literal(filters.kind) }}
        {%- endif %}
        {%- if filters.get('continuation_no') is not none %}
        and orders.continuation_no = {{ filters.continuation_no }}
        {%- endif %}
        {%- if filters.get('period', {}).get('from') %}
        and orders.ordered_on >= {{ text_literal(filters.period['from']) }}::date
        {%- endif %}
        {%- if filters.get('period', {}).get('to') %}
        and orders.ordered_on <= {{ text_literal(filters.period['to']) }}::date
        {%- endif %}
        {%- if not any_order.allowed and not any_order.bought_anything %}
        and orders.order_id in (
            select purchases.order_id from purchases
            where false
            {%- if products %}
                or purchases.product_id in ({{ text_list(products) }})
            {%- endif %}
            {%- if categories %}
                or purchases.product_id in (
                    select product_categories.product_id from product_categories
                    where product_categories.category_code in ({{ text_list(categories) }})
                )
            {%- endif %}
        )
        {%- endif %}
{%- endmacro %}

{% macro registration_anchor_rows() -%}
    {#- The date of registration, never its time (R-070). -#}
    select
        customers.customer_id,
        customers.customer_id as anchor_key,
        customers.registered_at as anchor_at,
        customers.registered_on as anchor_date,
        null::timestamptz as judged_at,
        tstzrange(customers.registered_at, null) as anchor_during
    from customers
{%- endmacro %}

{% macro dated_anchor_rows(facts, filter_column, filter_value, key, instant) -%}
    {#- A fact that carries its own instant: list entry (R-077), tag grant (R-071), event (R-076). -#}
    select
        {{ facts }}.customer_id,
        {{ facts }}.{{ key }} as anchor_key,
        {{ facts }}.{{ instant }} as anchor_at,
        {{ local_date(facts ~ '.' ~ instant) }} as anchor_date,
        null::timestamptz as judged_at,
        tstzrange({{ facts }}.{{ instant }}, null) as anchor_during
    from {{ facts }}
    where {{ facts }}.{{ filter_column }} = {{ text_literal(filter_value) }}
{%- endmacro %}

{% macro segment_anchor_rows(segment) -%}
    {#- Each span of membership is an anchor of its own, at the instant the customer came in (R-041, R-074). -#}
    select
        members.customer_id,
        to_char(lower(span) at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as anchor_key,
        lower(span) as anchor_at,
        {{ local_date('lower(span)') }} as anchor_date,
        null::timestamptz as judged_at,
        span as anchor_during
    from {{ segment_relation(segment) }} as members
    inner join customers on members.customer_id = customers.customer_id
    cross join lateral unnest(members.valid) as span
    where not lower_inf(span)
{%- endmacro %}

{% macro segment_relation(segment) -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.name == segment and 'segments' in node.fqn -%}
        {{ return(node.relation_name) }}
    {%- endfor -%}
    {{ exceptions.raise_compiler_error("segment '" ~ segment ~ "' is no model under models/segments") }}
{%- endmacro %}

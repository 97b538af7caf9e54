{#
Anchors that are orders: by the order's own dates, or the n-th of some products. Does not belong here: when an order
counts (staging).
#}

{% macro order_anchor_rows(scenario) -%}
    {#- An order that passes the scenario's filters and holds a product of some frame that is not a NOT (Q-15). -#}
    select {{ order_anchor_columns(scenario) }}
    from {{ anchor_orders(scenario) }}
    where {{ order_anchor_conditions(scenario) }}
{%- endmacro %}

{% macro order_anchor_columns(scenario, within='') %}
        orders.customer_id,
        orders.order_id as anchor_key,
        {{ order_anchor_at(scenario) }} as anchor_at,
        {{ order_anchor_date(scenario) }} as anchor_date,
        orders.ordered_at as judged_at,
        {%- if stops_with_its_order(scenario) %}
        {{ excluded_span(scenario) }} as void_during,
        {%- endif %}
        {{ standing_span(scenario) }} {{ within }} as anchor_during
{%- endmacro %}

{% macro order_anchor_conditions(scenario) -%}
    {{ order_anchor_date(scenario) }} is not null {{ order_filters(scenario) }} {{ from_the_start(scenario, order_anchor_at(scenario)) }}
{%- endmacro %}

{% macro order_anchor_date(scenario) -%}
    {{- return({
        'ordered': 'orders.ordered_on',
        'nth_purchase': 'orders.ordered_on',
        'paid': 'orders.payment_anchor_on',
        'shipped': 'orders.shipped_on',
        'desired_delivery': 'orders.desired_delivery_anchor_on',
    }[anchor_kind(scenario)]) -}}
{%- endmacro %}

{% macro order_anchor_at(scenario) -%}
    {%- if anchor_kind(scenario) in ['ordered', 'nth_purchase'] -%}
    orders.ordered_at
    {%- else -%}
    {#- not before the order itself: paid on its own day, it would count as what came after its anchor -#}
    greatest({{ start_of_local_date(order_anchor_date(scenario)) }}, orders.ordered_at)
    {%- endif -%}
{%- endmacro %}

{% macro anchor_orders(scenario) -%}
    {#- The orders that may be anchors. The order that completes a target of products holds one of them itself (Q-15,
        A31): then those that the target's frames found are all there are, and nothing else need be looked at. -#}
    {%- set numbers = target_frames_held(scenario) -%}
    {%- if not numbers -%}
    orders
    {%- else -%}
    {%- set columns = order_columns_read(scenario) -%}
    (
        {%- for number in numbers %}
        select
            customer_id,
            occurrence as order_id
            {%- for column in columns %},
            {{ column }}{{ ' as counts_during' if column == 'order_counts_during' }}
            {%- endfor %}
        from target_{{ number }}_occurrences
            {%- if not loop.last %}
        union
            {%- endif %}
        {%- endfor %}
    ) as orders
    {%- endif -%}
{%- endmacro %}

{% macro order_columns_read(scenario) -%}
    {#- The columns by which the scenario tells whether an order is an anchor, and since when; in occurrences, which have
        a `counts_during` of their own, that of the order is `order_counts_during`. -#}
    {%- set sql = order_anchor_columns(scenario) ~ order_anchor_conditions(scenario) -%}
    {%- set columns = [] -%}
    {%- for column in [
        'kind', 'continuation_no', 'status', 'site', 'ordered_at', 'ordered_on', 'cancelled_at', 'counts_during',
        'payment_anchor_on', 'shipped_on', 'desired_delivery_anchor_on'
    ] if 'orders.' ~ column in sql -%}
        {%- do columns.append('order_counts_during' if column == 'counts_during' else column) -%}
    {%- endfor -%}
    {{- return(columns) -}}
{%- endmacro %}

{% macro nth_purchase_anchor_rows(scenario, place, which) -%}
    {#- At each instant the n-th of the orders that count at it: a cancellation moves the next ones up. An order is the
        n-th from when its n-th last predecessor has ended until its (n-1)-th last one has, where they ended at all. -#}
    {%- set which = known_keys(place, 'nth_purchase', which, ['n', 'products']) -%}
    {%- set n = whole_number(place, 'nth_purchase.n', which.get('n'), at_least=1) -%}
    {%- set products = one_or_more(place, 'nth_purchase.products', which.get('products')) -%}
    select {{ order_anchor_columns(scenario, within='* nth_orders.nth_during') }}
    from {{ anchor_orders(scenario) }}
    inner join (
        with placed as (
            select
                customer_id,
                order_id,
                counts_during,
                row_number() over by_time as place,
                count(*) filter (where upper_inf(counts_during)) over by_time as lasting
            from (
                select
                    orders.customer_id,
                    orders.order_id,
                    orders.ordered_at,
                    {{ order_counts_during(scenario, 'orders') }} as counts_during
                from orders
                where {{ holds_product('orders.order_id', products) }}
            ) as counting
            where not isempty(counts_during)
            window by_time as (
                partition by customer_id order by ordered_at, order_id collate "C"
                rows between unbounded preceding and current row
            )
        ),

        candidates as (
            select customer_id, order_id, counts_during, place
            from placed
            where place >= {{ n }} and lasting - (upper_inf(counts_during))::integer < {{ n }}
        ),

        -- when the predecessors ended, the last first
        endings as (
            select
                candidates.order_id,
                candidates.counts_during,
                array_agg(coalesce(upper(placed.counts_during), 'infinity') order by upper(placed.counts_during) desc)
                    filter (where placed.order_id is not null) as ended_at
            from candidates
            left join placed on candidates.customer_id = placed.customer_id and placed.place < candidates.place
            group by candidates.order_id, candidates.counts_during
        )

        select
            order_id,
            counts_during * tstzrange(ended_at[{{ n }}], {{ "nullif(ended_at[" ~ (n - 1) ~ "], 'infinity')" if n > 1 else 'null' }})
                as nth_during
        from endings
    ) as nth_orders on orders.order_id = nth_orders.order_id
    where not isempty(nth_orders.nth_during) and {{ order_anchor_conditions(scenario) }}
{%- endmacro %}

{% macro standing_span(scenario) -%}
    {#- When an order stands as an anchor: until it gets a status that excludes it; what got one at an unknown time never
        did. By default that is the cancellation alone (R-050); what was returned stands (R-051). -#}
    {%- if excluded_statuses(scenario) == ['cancelled'] -%}
    orders.counts_during
    {%- else -%}
    (tstzrange(orders.ordered_at, null) - {{ excluded_span(scenario) }})
    {%- endif -%}
{%- endmacro %}

{% macro excluded_statuses(scenario) -%}
    {%- set statuses = scenario.get('excluded_order_statuses') -%}
    {{- return(['cancelled'] if statuses is none else statuses | map('string') | list) -}}
{%- endmacro %}

{% macro excluded_span(scenario) -%}
    {#- From when on an order's status keeps it from being an anchor. -#}
    {{ status_span(excluded_statuses(scenario), 'orders') }}
{%- endmacro %}

{% macro stops_with_its_order(scenario) -%}
    {#- C-08: not by default; then an order that is cancelled after the first step changes nothing (R-052). -#}
    {{- return(scenario.get('recheck_order_status') == true and is_order_anchor(scenario)) -}}
{%- endmacro %}

{% macro order_filters(scenario) -%}
    {%- set place = "scenario '" ~ scenario.get('code') ~ "', orders" -%}
    {%- set filters = scenario.get('orders') or {} -%}
    {%- if filters -%}
        {%- do known_keys(place, 'orders', filters, ['kind', 'continuation_no', 'period', 'products', 'categories']) -%}
    {%- endif -%}
    {%- set kind = known_word(place, 'kind', filters.get('kind') or 'all', ['all', 'one_off', 'subscription']) -%}
        {%- if kind != 'all' %}
        and orders.kind = {{ text_literal(kind) }}
        {%- endif %}
        {%- if filters.get('continuation_no') is not none %}
        and orders.continuation_no = {{ whole_number(place, 'continuation_no', filters.get('continuation_no')) }}
        {%- endif %}
        {%- if filters.get('period') %}
        and {{ date_predicate(place, 'period', 'orders.ordered_on', filters.get('period')) }}
        {%- endif %}
        {%- if filters.get('products') %}
        and {{ holds_product('orders.order_id', one_or_more(place, 'products', filters.get('products'))) }}
        {%- endif %}
        {%- if filters.get('categories') %}
        and {{ holds_category('orders.order_id', one_or_more(place, 'categories', filters.get('categories'))) }}
        {%- endif %}
        {%- if scenario.get('site') is not none %}
        and {{ site_is(scenario, 'orders.site') }}
        {%- endif %}
{%- endmacro %}

{% macro is_every_order_an_anchor(scenario) -%}
    {{- return(
        anchor_kind(scenario) == 'ordered'
        and scenario.get('start') is none
        and not order_filters(scenario).strip()
        and not target_frames_held(scenario)
    ) -}}
{%- endmacro %}

{% macro target_frames_held(scenario) -%}
    {#- The numbers of the target's frames of which an anchor order holds one itself; none where any order will do. Of
        frames that must hold in one order each found the same orders. A segment that is made from frames has no anchor. -#}
    {%- if scenario.get('anchor') is none or not is_order_anchor(scenario) -%} {{- return([]) -}} {%- endif -%}
    {%- set runs = same_order_runs(scenario, 'target') -%}
    {%- set frames = section_frames(scenario, 'target') -%}
    {%- set found = namespace(numbers=[], anything=false) -%}
    {%- for frame in frames -%}
        {%- if frame.get('relation') == 'not' or loop.index in runs | sum(start=[]) -%}
        {%- elif frame.get('type') in ['product', 'category'] and frame.get('codes') -%}
            {%- do found.numbers.append(loop.index) -%}
        {%- elif frame.get('type') == 'order' -%} {%- set found.anything = true -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for run in runs if frames[run[0] - 1:run[-1]] | selectattr('codes', 'defined') | list -%}
        {%- do found.numbers.append(run[0]) -%}
    {%- endfor -%}
    {{- return([] if found.anything else found.numbers) -}}
{%- endmacro %}

{% macro holds_product(order_id, products) -%}
    {{ order_id }} in (
        select order_lines.order_id from order_lines where order_lines.product_id in ({{ text_list(products) }})
    )
{%- endmacro %}

{% macro holds_category(order_id, categories) -%}
    {{ order_id }} in (
        select order_lines.order_id from order_lines where {{ in_categories('order_lines.product_id', categories) }}
    )
{%- endmacro %}

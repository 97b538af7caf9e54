{#
Anchors that are orders: by the order's own dates, or the n-th of some products. Does not belong here: when an order
counts (staging).
#}

{% macro order_anchor_rows(scenario, anchor_at, anchor_date) -%}
    {#- An order that passes the scenario's filters and holds a product of some frame that is not a NOT (Q-15). -#}
    select
        orders.customer_id,
        orders.order_id as anchor_key,
        {{ anchor_at }} as anchor_at,
        {{ anchor_date }} as anchor_date,
        orders.ordered_at as judged_at,
        {{ standing_span(scenario) }} as anchor_during
        {{- void_column(scenario) }}
    from orders
    where {{ anchor_date }} is not null {{ order_filters(scenario) }} {{ from_the_start(scenario, anchor_at) }}
{%- endmacro %}

{% macro nth_purchase_anchor_rows(scenario, place, which) -%}
    {#- At each instant the n-th of the orders that count at it: a cancellation moves the next ones up. An order is the
        n-th from when its n-th last predecessor has ended until its (n-1)-th last one has, where they ended at all. -#}
    {%- set which = known_keys(place, 'nth_purchase', which, ['n', 'products']) -%}
    {%- set n = whole_number(place, 'nth_purchase.n', which.get('n'), at_least=1) -%}
    {%- set products = one_or_more(place, 'nth_purchase.products', which.get('products')) -%}
    select
        orders.customer_id,
        orders.order_id as anchor_key,
        orders.ordered_at as anchor_at,
        orders.ordered_on as anchor_date,
        orders.ordered_at as judged_at,
        {{ standing_span(scenario) }} * nth_orders.nth_during as anchor_during
        {{- void_column(scenario) }}
    from orders
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
    where not isempty(nth_orders.nth_during)
        {{ order_filters(scenario) }} {{ from_the_start(scenario, 'orders.ordered_at') }}
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

{% macro void_column(scenario) -%}
    {%- if stops_with_its_order(scenario) %},
        {{ excluded_span(scenario) }} as void_during
    {%- endif -%}
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
        {{- target_products(scenario) }}
{%- endmacro %}

{% macro is_every_order_an_anchor(scenario) -%}
    {{- return(
        anchor_kind(scenario) == 'ordered' and scenario.get('start') is none and not order_filters(scenario).strip()
    ) -}}
{%- endmacro %}

{% macro target_products(scenario) -%}
    {#- The order that completes a target of products holds one of them itself (Q-15, A31); of frames that must hold in one
        order, all. -#}
    {%- set found = target_lookups(scenario) -%}
    {%- if found %}
        and orders.order_id in (
            {{ found | join('\n            union all\n            ') }}
        )
    {%- endif -%}
{%- endmacro %}

{% macro target_lookups(scenario) -%}
    {#- Queries of the orders that hold what the target asks for, by what `occurrence_ctes` found; none where any order
        will do. -#}
    {%- set found = [] -%}
    {%- set runs = same_order_runs(scenario, 'target') -%}
    {%- set bought_anything = namespace(found=false) -%}
    {%- for frame in section_frames(scenario, 'target') -%}
        {%- if frame.get('relation') == 'not' or loop.index in runs | sum(start=[]) -%}
        {%- elif frame.get('type') in ['product', 'category'] and frame.get('codes') -%}
            {%- do found.append('select occurrence from target_' ~ loop.index ~ '_occurrences') -%}
        {%- elif frame.get('type') == 'order' -%} {%- set bought_anything.found = true -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for run in runs -%}
        {%- set frames = section_frames(scenario, 'target')[run[0] - 1:run[-1]] -%}
        {%- if frames | selectattr('codes', 'defined') | list -%}
            {%- do found.append('select order_id from ' ~ matching_name('target', runs, run[0])) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return([] if bought_anything.found else found) -}}
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

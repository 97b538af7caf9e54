{#
What a frame counts: one row per order, event, cancellation, enrolment, stay or list entry - of product and category
frames one per line that matches; `occurrence_ctes` shows each order once where that matters -, each with
`counts_during`, the span in which it counts, and orders with `stands_during`, that span before `within_days` cut it.
Orders are counted and never quantities (R-102h). Does not belong here: until when an order counts (`order_statuses`),
how occurrences are counted (`counts`), and members' attributes (`members`).
#}

{% macro frame_occurrences(scenario, place, frame, reading, matching='', order_columns=[]) -%}
    {#- `matching`: the relation of the orders that match every frame of the run that the frame belongs to.
        `order_columns`: what is shown of the orders besides, see `order_columns_read`. -#}
    {%- set type = frame.get('type') -%}
    {%- if type in ['product', 'category'] -%}
    select
        purchases.customer_id,
        purchases.order_id as occurrence,
        {{ counting_span(
            place, frame, order_counts_during(scenario, 'purchases'), local_date('purchases.ordered_at')
        ) }} as counts_during,
        {{ order_counts_during(scenario, 'purchases') }} as stands_during
        {%- for column in order_columns %},
        purchases.{{ 'counts_during as ' if column == 'order_counts_during' }}{{ column }}
        {%- endfor %}
    from purchases
    where {{ line_matches(place, frame) }}
        {%- if matching %}
        and purchases.order_id in (select {{ matching }}.order_id from {{ matching }})
        {%- endif %}
    {%- elif type == 'order' -%}
    select
        orders.customer_id,
        orders.order_id as occurrence,
        {{ counting_span(place, frame, order_counts_during(scenario, 'orders'), 'orders.ordered_on') }} as counts_during,
        {{ order_counts_during(scenario, 'orders') }} as stands_during
    from orders
    {%- elif type == 'event' -%}
    select
        customer_events.customer_id,
        customer_events.event_id as occurrence,
        {{ span_since(place, frame, 'customer_events.event_at') }} as counts_during
    from customer_events
    where customer_events.event_type in ({{ text_list(one_or_more(place, 'codes', frame.get('codes'))) }})
        {%- if frame.get('products') is not none %}
        and customer_events.product_id in ({{ text_list(one_or_more(place, 'products', frame.get('products'))) }})
        {%- endif %}
    {%- elif type == 'subscription_cancelled' -%}
    select
        subscriptions.customer_id,
        subscriptions.subscription_id as occurrence,
        {{ span_since(place, frame, 'subscriptions.cancelled_at') }} as counts_during
    from subscriptions
    where {{ cancelled_subscriptions(place, frame.get('codes'), frame.get('reasons')) }}
    {%- elif type == 'scenario' -%}
    {#- an enrolment in another scenario; one's own never counts (R-130) -#}
    select
        enrolments.customer_id,
        enrolments.enrolment_id::text as occurrence,
        {{ span_since(place, frame, 'enrolments.entered_at') }} as counts_during
    from enrolments
    where {{ is_of_scenarios([scenario.get('code')], models_of_codes([scenario.get('code')])) }} is not true
        {%- if frame.get('codes') is not none %}
            {#- a function outlives what else the project says; when it is asked, the ledger knows the codes -#}
            {%- set codes = one_or_more(place, 'codes', frame.get('codes')) %}
        and {{ is_of_scenarios(codes, models_of_codes(codes) if reading != 'given' else []) }}
        {%- endif %}
    {%- elif type == 'segment' -%}
        {%- for segment in one_or_more(place, 'codes', frame.get('codes')) %}
    select
        members.customer_id,
        {{ text_literal(segment) }}::text as occurrence,
        span as counts_during
    from {{ segment_relation(place, segment) }} as members
    cross join lateral unnest({{ membership(place, segment, 'members') }}) as span
    where {{ customers_read(reading, 'members.customer_id') }}
            {%- if not loop.last %}
    union all
            {%- endif %}
        {%- endfor %}
    {%- elif type == 'list' -%}
    select
        list_members.customer_id,
        list_members.list_code as occurrence,
        tstzrange(list_members.added_at, null) as counts_during
    from list_members
    where list_members.list_code in ({{ text_list(one_or_more(place, 'codes', frame.get('codes'))) }})
    {%- else -%}
    {%- do known_word(place, 'type', type, frame_types()) -%}
    {%- endif -%}
{%- endmacro %}

{% macro frame_types() -%}
    {{- return([
        'product', 'category', 'order', 'event', 'subscription_cancelled', 'scenario', 'segment', 'list', 'member'
    ]) -}}
{%- endmacro %}

{% macro line_matches(place, frame) -%}
    {#- Whether a line of an order is what a product or category frame asks for. -#}
    {%- if frame.type == 'category' -%}
    {{ in_categories('purchases.product_id', one_or_more(place, 'codes', frame.get('codes'))) }}
    {%- elif frame.get('codes') and not frame.get('other_than') -%}
    purchases.product_id in ({{ text_list(one_or_more(place, 'codes', frame.get('codes'))) }})
    {%- elif frame.get('other_than') and not frame.get('codes') -%}
    purchases.product_id not in ({{ text_list(one_or_more(place, 'other_than', frame.get('other_than'))) }})
    {%- else -%}
    {{ definition_fault(place, 'a product frame needs either codes or other_than') }}
    {%- endif -%}
{%- endmacro %}

{% macro in_categories(product, categories) -%}
    {#- As a set of products, so that a product in two of the categories is found once. -#}
    {{ product }} in (
        select product_categories.product_id from product_categories
        where product_categories.category_code in ({{ text_list(categories) }})
    )
{%- endmacro %}

{% macro cancelled_subscriptions(place, products, reasons) -%}
    subscriptions.cancelled_at is not null
    {%- if products is not none %}
        and subscriptions.product_id in ({{ text_list(one_or_more(place, 'products', products)) }})
    {%- endif %}
    {%- if reasons is not none %}
        and subscriptions.cancel_reason in ({{ text_list(one_or_more(place, 'reasons', reasons)) }})
    {%- endif %}
{%- endmacro %}

{% macro counting_span(place, frame, span, happened_on) -%}
    {#- With `within_days`, until the end of the local day that lies that many days after its own. -#}
    {%- if frame.get('within_days') is none -%}
    {{ span }}
    {%- else -%}
    {%- do whole_number(place, 'within_days', frame.get('within_days')) -%}
    {{ span }} * tstzrange(null, {{ days_have_passed(frame, happened_on) }})
    {%- endif -%}
{%- endmacro %}

{% macro days_have_passed(frame, happened_on) -%}
    {{ start_of_local_date(happened_on ~ ' + ' ~ (frame.get('within_days') + 1)) }}
{%- endmacro %}

{% macro span_since(place, frame, instant) -%}
    {#- Of what cannot be undone. -#}
    {{ counting_span(place, frame, 'tstzrange(' ~ instant ~ ', null)', local_date(instant)) }}
{%- endmacro %}

{#
Facts are what conditions and anchors read. Every eligibility query imports them through `facts`, and so compiles
in two ways: over the built marts for everyone, or over live staging views for given customers.
#}

{% macro fact_relation(name, live) -%}
    {#- The relation that holds facts of one name: a mart where one is built, the live view otherwise. -#}
    {%- set built = {'orders': ref('orders'), 'purchases': ref('purchases')} -%}
    {%- set current = {
        'customers': ref('stg_customers'),
        'orders': ref('stg_orders'),
        'purchases': ref('int_purchases'),
        'product_categories': ref('stg_product_categories'),
        'subscriptions': ref('stg_subscriptions'),
        'customer_events': ref('stg_customer_events'),
        'customer_tags': ref('stg_customer_tags'),
        'list_members': ref('stg_list_members'),
    } -%}
    {{- built[name] if name in built and not live else current[name] -}}
{%- endmacro %}

{% macro import_facts(live) -%}
    {#- The import CTEs of an eligibility query. PostgreSQL drops those that a scenario does not use. With `live`,
        every one is narrowed to the function's argument `given_customers`. -#}
    {%- for name in ['customers', 'orders', 'purchases', 'subscriptions', 'customer_events', 'customer_tags', 'list_members'] %}
{{ name }} as not materialized (
    select * from {{ fact_relation(name, live) }}
    {%- if live %} where customer_id = any(given_customers){% endif %}
),
    {%- endfor %}
product_categories as not materialized (
    select * from {{ fact_relation('product_categories', live) }}
),
{%- endmacro %}

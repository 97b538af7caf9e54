{#
Facts are what conditions and anchors read. Every eligibility query imports them through `import_facts`, and so compiles
in several readings: 'everyone', for a whole table; 'given', over the live staging views for the customers given to a
function; 'changed', over what the builds running now set aside for the customers whose facts changed.
#}

{% macro reading() -%}
    {#- The reading in which the model at hand is being compiled; only the materialization `table` asks for another
        than everyone's. -#}
    {{- return(model.get('reading', 'everyone')) -}}
{%- endmacro %}

{% macro fact_names() -%}
    {#- The facts that belong to a customer, with the staging models that hold them. -#}
    {{- return({
        'customers': 'stg_customers',
        'customer_history': 'stg_customer_history',
        'orders': 'stg_orders',
        'purchases': 'int_purchases',
        'subscriptions': 'stg_subscriptions',
        'customer_events': 'stg_customer_events',
        'customer_tags': 'stg_customer_tags',
        'list_members': 'stg_list_members',
        'enrolments': 'stg_enrolments',
    }) -}}
{%- endmacro %}

{% macro fact_relation(name, reading) -%}
    {#- The relation that holds facts of one name. Everyone's orders lie in their mart by customer. -#}
    {%- set current = {
        'customers': ref('stg_customers'),
        'customer_history': ref('stg_customer_history'),
        'orders': ref('stg_orders'),
        'purchases': ref('int_purchases'),
        'order_lines': ref('stg_order_lines'),
        'product_categories': ref('stg_product_categories'),
        'subscriptions': ref('stg_subscriptions'),
        'customer_events': ref('stg_customer_events'),
        'customer_tags': ref('stg_customer_tags'),
        'list_members': ref('stg_list_members'),
        'enrolments': ref('stg_enrolments'),
    } -%}
    {%- set built = {'orders': ref('orders')} -%}
    {%- if reading == 'everyone' and name in built -%} {{ built[name] }}
    {%- elif reading == 'changed' and name in fact_names() -%} changed.{{ name }}
    {%- else -%} {{ current[name] }}
    {%- endif -%}
{%- endmacro %}

{% macro facts_read(name, relation) -%}
    {#- For models of other kinds: a relation with facts of one name, or what was set aside of it in the reading of the
        changed customers. -#}
    {%- if execute -%} {%- do known_word('facts_read', 'the name', name, fact_names() | list) -%} {%- endif -%}
    {{- ('changed.' ~ name) if reading() == 'changed' else relation -}}
{%- endmacro %}

{% macro customers_read(reading, column) -%}
    {#- What narrows a relation to the customers of a reading; a bare predicate, to stand in a `where`. An array, and
        no join: it reaches through views that look at a customer's rows together. -#}
    {%- if reading == 'given' -%} {{ column }} = any(given_customers)
    {%- elif reading == 'changed' -%} {{ column }} = any(array(select customer_ids.customer_id from changed.customer_ids))
    {%- elif reading == 'everyone' -%} true
    {%- else -%}
    {{ exceptions.raise_compiler_error("unknown reading '" ~ reading ~ "'; known: everyone, given, changed") }}
    {%- endif -%}
{%- endmacro %}

{% macro import_facts(reading, anchor=none) -%}
    {#- The import CTEs of an eligibility query. PostgreSQL drops those that a scenario does not use. `anchor`: a fact
        that few customers have (`rare_anchor`); then nobody else's facts are looked at. -#}
    {%- set is_narrowed = anchor and reading != 'given' -%}
    {%- if is_narrowed %}
anchored_customers as (
    select distinct {{ anchor.facts }}.customer_id
    from {{ fact_relation(anchor.facts, reading) }} as {{ anchor.facts }}
    where {{ anchor.which }}
),
    {%- endif %}
    {%- for name in fact_names() %}
{{ name }} as not materialized (
    select * from {{ fact_relation(name, reading) }}
    {#- what was set aside is narrow already, and its size known #}
    where {{ 'true' if reading == 'changed' else customers_read(reading, 'customer_id') }}
        {%- if is_narrowed %}
        and customer_id in (select anchored_customers.customer_id from anchored_customers)
        {%- endif %}
),
    {%- endfor %}
order_lines as not materialized (
    {#- which products an order holds; whose it is costs a look at every order there is, where few are asked about none #}
    select order_id, product_id from {{ fact_relation('order_lines', reading) if reading == 'everyone' else 'purchases' }}
),
product_categories as not materialized (
    select * from {{ fact_relation('product_categories', reading) }}
),
{%- endmacro %}

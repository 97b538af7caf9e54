{#
Until when an order counts, and from when on its status keeps it out. Does not belong here: what is asked of the orders
that count (`conditions`), and which orders are anchors (`anchors`).
#}

{% macro status_span(statuses, relation) -%}
    {#- From when on an order has one of these statuses: from the time that the contract gives for both, and always where
        there is none. What has a time of cancellation was cancelled, whatever it is called, unless it was returned. -#}
    {%- set tests = [] -%}
    {%- if statuses -%} {%- do tests.append(relation ~ '.status in (' ~ text_list(statuses) ~ ')') -%} {%- endif -%}
    {%- if 'cancelled' in statuses -%}
        {%- do tests.append('(' ~ relation ~ '.cancelled_at is not null and ' ~ relation ~ ".status <> 'returned')") -%}
    {%- endif -%}
    {%- if tests -%}
    case when {{ tests | join(' or ') }} then tstzrange({{ relation }}.cancelled_at, null) else 'empty'::tstzrange end
    {%- else -%}
    'empty'::tstzrange
    {%- endif -%}
{%- endmacro %}

{% macro uncounted_statuses(scenario) -%}
    {%- set statuses = scenario.get('count_excludes_status') -%}
    {%- set place = "scenario '" ~ scenario.get('code') ~ "'" -%}
    {%- if statuses is none -%} {{- return(['cancelled']) -}} {%- endif -%}
    {%- for status in statuses -%}
        {%- do known_word(place, 'count_excludes_status', status, ['cancelled', 'returned']) -%}
    {%- endfor -%}
    {{- return(statuses | list) -}}
{%- endmacro %}

{% macro order_counts_during(scenario, relation) -%}
    {#- When an order counts in frames and as the n-th purchase (R-102j). By default that is what staging says. -#}
    {%- set statuses = uncounted_statuses(scenario) -%}
    {%- if statuses == ['cancelled'] -%}
    {{ relation }}.counts_during
    {%- elif not statuses -%}
    tstzrange({{ relation }}.ordered_at, null)
    {%- else -%}
    (tstzrange({{ relation }}.ordered_at, null) - {{ status_span(statuses, relation) }})
    {%- endif -%}
{%- endmacro %}

{#
Anchors: the dates that step offsets count from (R-060 to R-078). Every macro named `…_anchor_rows` yields one row per
customer and anchor: `customer_id`, `anchor_key`, `anchor_at`, `anchor_date` (local), `judged_at` (the instant at which
the target must hold for this anchor to be one; null: judged when the row is created) and `anchor_during` (the span in
which the anchor itself stands).
#}

{% macro anchor_kind(scenario) -%}
    {%- set anchor = scenario.get('anchor') -%}
    {%- if anchor is mapping and anchor | length == 1 -%} {{- return((anchor.keys() | list)[0]) -}} {%- endif -%}
    {%- if anchor is not string -%} {{ definition_fault(place_of_anchor(scenario), 'there must be exactly one') }} {%- endif -%}
    {{- return(anchor) -}}
{%- endmacro %}

{% macro anchor_argument(scenario) -%}
    {#- What the anchor names: a segment, a list, an event, a tag, or a mapping of filters; none without any. -#}
    {{- return((scenario.anchor.values() | list)[0] if scenario.anchor is mapping else none) -}}
{%- endmacro %}

{% macro anchor_name(scenario) -%}
    {#- The one segment, list, event or tag that the anchor must name. -#}
    {%- set argument = anchor_argument(scenario) -%}
    {%- if not (argument is string and argument) -%}
        {{ definition_fault(place_of_anchor(scenario), anchor_kind(scenario) ~ ' must name one') }}
    {%- endif -%}
    {{- return(argument) -}}
{%- endmacro %}

{% macro is_order_anchor(scenario) -%}
    {{- return(anchor_kind(scenario) in ['ordered', 'paid', 'shipped', 'desired_delivery', 'nth_purchase']) -}}
{%- endmacro %}

{% macro anchor_rows(scenario, reading) -%}
    {%- set place = place_of_anchor(scenario) -%}
    {%- set kind = anchor_kind(scenario) -%}
    {%- set argument = anchor_argument(scenario) -%}
    {%- set dated = dated_anchor(scenario) -%}
    {#- a filter that filters nothing may stand anywhere -#}
    {%- set filters = (scenario.get('orders') or {}).items() | rejectattr(1, 'in', [none, 'all']) | list -%}
    {%- if not is_order_anchor(scenario) and filters -%}
        {{ definition_fault(place, "'orders' filters are for anchors that are orders") }}
    {%- endif -%}
    {%- if kind == 'nth_purchase' -%} {{ nth_purchase_anchor_rows(scenario, place, argument) }}
    {%- elif is_order_anchor(scenario) -%} {{ order_anchor_rows(scenario) }}
    {%- elif kind == 'member_registered' -%} {{ registration_anchor_rows(scenario) }}
    {%- elif kind == 'entered' -%} {{ segment_anchor_rows(scenario, place, anchor_name(scenario), reading) }}
    {%- elif dated -%} {{ dated_anchor_rows(scenario, dated) }}
    {%- else -%}
    {{ definition_fault(place, "'" ~ kind ~ "' is not known") }}
    {%- endif -%}
{%- endmacro %}

{% macro registration_anchor_rows(scenario) -%}
    {#- The date of registration, never its time (R-070). -#}
    select
        customers.customer_id,
        customers.customer_id as anchor_key,
        customers.registered_at as anchor_at,
        customers.registered_on as anchor_date,
        null::timestamptz as judged_at,
        tstzrange(customers.registered_at, null) as anchor_during
    from customers
    where true {{ of_the_members_site(scenario, 'customers') }} {{ from_the_start(scenario, 'customers.registered_at') }}
{%- endmacro %}

{% macro dated_anchor(scenario) -%}
    {#- Of an anchor that carries its own instant: list entry (R-077), tag grant (R-071), event (R-076), the end of a
        subscription (R-075). `facts` that hold it, the columns `key` and `instant`, and `which` of them; else none. -#}
    {%- set kind = anchor_kind(scenario) -%}
    {%- if kind == 'list_imported' -%}
        {%- set which = equals('list_members.list_code', anchor_name(scenario)) -%}
        {{- return({'facts': 'list_members', 'key': 'list_code', 'instant': 'added_at', 'which': which}) -}}
    {%- elif kind == 'tag_granted' -%}
        {%- set which = equals('customer_tags.tag', anchor_name(scenario)) -%}
        {{- return({'facts': 'customer_tags', 'key': 'tag', 'instant': 'granted_at', 'which': which}) -}}
    {%- elif kind == 'event' -%}
        {%- set which = equals('customer_events.event_type', anchor_name(scenario)) -%}
        {{- return({'facts': 'customer_events', 'key': 'event_id', 'instant': 'event_at', 'which': which}) -}}
    {%- elif kind == 'subscription_cancelled' -%}
        {%- set place = place_of_anchor(scenario) -%}
        {%- set argument = anchor_argument(scenario) -%}
        {%- set filters = known_keys(place, kind, argument, ['products', 'reasons']) if argument else {} -%}
        {%- set which = cancelled_subscriptions(place, filters.get('products'), filters.get('reasons')) -%}
        {{- return({'facts': 'subscriptions', 'key': 'subscription_id', 'instant': 'cancelled_at', 'which': which}) -}}
    {%- endif -%}
    {{- return(none) -}}
{%- endmacro %}

{% macro rare_anchor(scenario) -%}
    {#- The anchor where it is a fact that few customers have: events are as many as orders. -#}
    {{- return(dated_anchor(scenario) if anchor_kind(scenario) != 'event' else none) -}}
{%- endmacro %}

{% macro dated_anchor_rows(scenario, anchor) -%}
    {%- set instant = anchor.facts ~ '.' ~ anchor.instant -%}
    select
        {{ anchor.facts }}.customer_id,
        {{ anchor.facts }}.{{ anchor.key }} as anchor_key,
        {{ instant }} as anchor_at,
        {{ local_date(instant) }} as anchor_date,
        null::timestamptz as judged_at,
        tstzrange({{ instant }}, null) as anchor_during
    from {{ anchor.facts }}
    where {{ anchor.which }} {{ of_the_members_site(scenario, anchor.facts) }} {{ from_the_start(scenario, instant) }}
{%- endmacro %}

{% macro equals(column, value) -%}
    {{ column }} = {{ text_literal(value) }}
{%- endmacro %}

{% macro from_the_start(scenario, anchor_at) -%}
    {%- if scenario.get('start') is not none %}
        and {{ anchor_at }} >= {{ start_of_scenario(scenario) }}
    {%- endif %}
{%- endmacro %}

{% macro start_of_scenario(scenario) -%}
    {{ start_of_local_date(text_literal(scenario.get('start')) ~ '::date') }}
{%- endmacro %}

{% macro site_is(scenario, column) -%}
    {#- An empty address never matches, whatever the scenario says (R-089). -#}
    nullif({{ column }}, '') = {{ text_literal(scenario.get('site')) }}
{%- endmacro %}

{% macro of_the_members_site(scenario, relation) -%}
    {#- Where no order is the anchor, the site is the member's own (R-088, Q-04). -#}
    {%- if scenario.get('site') is not none %}
        and {{ relation }}.customer_id in (
            select of_site.customer_id from customers as of_site where {{ site_is(scenario, 'of_site.site') }}
        )
    {%- endif %}
{%- endmacro %}

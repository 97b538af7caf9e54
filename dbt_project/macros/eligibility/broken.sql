{#
Scenarios whose definition has faults. Ekiden looks at the files before dbt does and names them in the environment; they
are built empty (by hand: as they were) and registered with their faults, so that the plan leaves them out and the
others go on.
#}

{% macro broken_scenario(node) -%}
    {#- Why this model's definition is broken, a list; none where it is not. Only while executing: what was known while
        parsing may be out of date. -#}
    {%- set broken = fromjson(env_var('EKIDEN_BROKEN_SCENARIOS', '{}')) or {} -%}
    {%- set meta = node.config.get('meta') or {} -%}
    {%- set written = meta.get('scenario') or {} -%}
    {{- return(broken.get(node.name) or written.get('$faults')) -}}
{%- endmacro %}

{% macro broken_definition(node, faults) -%}
    {#- What the registry keeps of it. -#}
    {{- return({'code': (node.config.meta.scenario or {}).get('code'), '$faults': faults}) -}}
{%- endmacro %}

{% macro standing_eligibility() -%}
    {#- The body of a stub in the place of SQL written by hand: what an earlier build made. There is no function that
        answers for such a scenario, so that its table alone says whose messages that wait are stopped. -#}
    {%- if execute and load_cached_relation(this) is not none -%}
    select customer_id, anchor_kind, anchor_key, anchor_at, anchor_date, entry_during, stop_during from {{ this }}
    {%- else -%}
    {{ empty_eligibility() }}
    {%- endif -%}
{%- endmacro %}

{% macro empty_eligibility() -%}
    select
        null::text as customer_id,
        null::text as anchor_kind,
        null::text as anchor_key,
        null::timestamptz as anchor_at,
        null::date as anchor_date,
        null::tstzmultirange as entry_during,
        null::tstzmultirange as stop_during
    where false
{%- endmacro %}

{#- What planning relies on beyond the columns' types: no column is null, one row per customer and anchor, every anchor
    of the definition's kind, and nobody comes in before it. A model whose SQL was written by hand must keep it as well:
    one that does not is left out by every plan (`ekiden.schedule.planning.contract`), and is no reason to stop the others. -#}
{% test eligibility_contract(model) %}
{{ config(error_if='<> 0 and bool_or(is_compiled)') }}
{%- set kinds = [] -%}
{%- set compiled = [] -%}
{%- if execute -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.alias == model.identifier and node.schema == model.schema -%}
        {#- a broken definition is of any shape, and its table is empty -#}
        {%- set anchor = none if broken_scenario(node) else node.config.get('meta', {}).get('scenario', {}).get('anchor') -%}
        {%- if is_compiled_here(node.raw_code) %}{% do compiled.append(node.name) %}{% endif -%}
        {%- if anchor is string %}{% do kinds.append(anchor) %}{% elif anchor %}{% do kinds.append(anchor | first) %}{% endif -%}
    {%- endfor -%}
{%- endif %}

with repeated as (
    select
        customer_id,
        anchor_kind,
        anchor_key,
        'more than one row' as fault
    from {{ model }}
    group by customer_id, anchor_kind, anchor_key
    having count(*) > 1
),

early as (
    select
        customer_id,
        anchor_kind,
        anchor_key,
        'entry before the anchor' as fault
    from {{ model }}
    where
        not isempty(entry_during)
        and (lower_inf(entry_during) or lower(entry_during) < anchor_at)
),

incomplete as (
    select
        customer_id,
        anchor_kind,
        anchor_key,
        'a column is null' as fault
    from {{ model }}
    where
        customer_id is null
        or anchor_kind is null
        or anchor_key is null
        or anchor_at is null
        or anchor_date is null
        or entry_during is null
        or stop_during is null
),

of_another_kind as (
    select
        customer_id,
        anchor_kind,
        anchor_key,
        'an anchor of another kind than the definition''s' as fault
    from {{ model }}
    where {% if kinds %}anchor_kind <> {{ text_literal(kinds[0]) }}{% else %}false{% endif %}
)

select
    found.*,
    {{ 'true' if compiled else 'false' }} as is_compiled
from (
    select * from repeated
    union all
    select * from early
    union all
    select * from incomplete
    union all
    select * from of_another_kind
) as found

{% endtest %}

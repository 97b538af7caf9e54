{#
Which scenario somebody came into. A definition says so by codes, and codes are editable (R-012), while the functions of
older enrolments go on asking by the codes of their time.
#}

{% macro is_of_scenarios(codes, models) -%}
    {#- By the ledger, which alone knows former codes and what became of a renamed model, and by the project, whose new
        codes the ledger learns only after a build. The mocked rows of a unit test may know of neither. -#}
    (
        enrolments.scenario_codes ?| {{ text_array(codes) }}
        {%- if models %}
        or enrolments.model_name in ({{ text_list(models) }})
        {%- endif %}
        or (enrolments.scenario_codes is null and enrolments.scenario_code in ({{ text_list(codes) }}))
    )
{%- endmacro %}

{% macro models_of_codes(codes) -%}
    {%- set found = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and 'eligibility' in node.fqn -%}
        {%- set definition = ((node.config or {}).get('meta') or {}).get('scenario') -%}
        {%- if definition is mapping and definition.get('code') in codes -%} {%- do found.append(node.name) -%} {%- endif -%}
    {%- endfor -%}
    {{- return(found | sort) -}}
{%- endmacro %}

{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- A model's schema is the one its folder names, without the target's prefix: Ekiden has one warehouse
        per deployment, and BI tools rely on these names. -#}
    {{ custom_schema_name if custom_schema_name else target.schema }}
{%- endmacro %}

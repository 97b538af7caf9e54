{% macro text_literal(value) -%}
    {#- A text literal that holds any value: quotes, and backslashes whatever `standard_conforming_strings` makes of them. -#}
    {%- set quoted = "'" ~ (value | string).replace("'", "''") ~ "'" -%}
    {{ 'E' ~ quoted.replace('\\', '\\\\') if '\\' in quoted else quoted }}
{%- endmacro %}

{% macro text_list(values) -%}
    {#- A list for `in (…)`. -#}
    {%- for value in values %}{{ text_literal(value) }}{{ ', ' if not loop.last }}{% endfor -%}
{%- endmacro %}

{% macro text_array(values) -%}
    {#- An array of text, also of none. -#}
    array[{{ text_list(values) }}]::text[]
{%- endmacro %}

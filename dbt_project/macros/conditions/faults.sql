{#
What a compiler says of a definition it cannot compile. Nothing unknown may compile to "always": whoever wrote it would
never learn that the condition is not there.
#}

{% macro place_of_frame(scenario, section, number) -%}
    {{- return("scenario '" ~ scenario.get('code') ~ "', frame " ~ number ~ " of " ~ section) -}}
{%- endmacro %}

{% macro place_of_anchor(scenario) -%}
    {{- return("scenario '" ~ scenario.get('code') ~ "', anchor") -}}
{%- endmacro %}

{% macro definition_fault(place, message) -%}
    {{- exceptions.raise_compiler_error(place ~ ': ' ~ message) -}}
{%- endmacro %}

{% macro known_word(place, name, value, known) -%}
    {%- if value not in known -%}
        {{ definition_fault(place, name ~ " '" ~ value ~ "' is not known; known: " ~ known | join(', ')) }}
    {%- endif -%}
    {{- return(value) -}}
{%- endmacro %}

{% macro known_keys(place, name, mapping, known) -%}
    {%- if mapping is not mapping or not mapping -%}
        {{ definition_fault(place, name ~ ' needs one or more of: ' ~ known | join(', ')) }}
    {%- endif -%}
    {%- for key in mapping -%}
        {%- do known_word(place, 'the key of ' ~ name, key, known) -%}
    {%- endfor -%}
    {{- return(mapping) -}}
{%- endmacro %}

{% macro one_or_more(place, name, value) -%}
    {#- A list, of one value where one was written without brackets. -#}
    {%- set values = value if value is sequence and value is not string and value is not mapping else [value] -%}
    {%- if value is none or value is mapping or not values -%}
        {{ definition_fault(place, name ~ ' needs one value or more') }}
    {%- endif -%}
    {{- return(values | list) -}}
{%- endmacro %}

{% macro whole_number(place, name, value, at_least=0) -%}
    {%- if value is not integer or value is boolean or value < at_least -%}
        {{ definition_fault(place, name ~ " must be a whole number from " ~ at_least ~ " on, not '" ~ value ~ "'") }}
    {%- endif -%}
    {{- return(value) -}}
{%- endmacro %}

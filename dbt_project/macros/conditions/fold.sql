{#
A section's frames as one condition, folded from left to right with the multirange operators: and `*`, or `+`,
not `-` (R-100i).
#}

{% macro fold_frames(scenario, section, when_empty, recounted=none) -%}
    {#- `recounted`: asks instead how the frames were when the anchor order came in (`completion`). -#}
    {%- set operators = {'and': '*', 'or': '+', 'not': '-'} -%}
    {%- set folded = namespace(sql=when_empty) -%}
    {%- for frame in section_frames(scenario, section) -%}
        {%- set place = place_of_frame(scenario, section, loop.index) -%}
        {%- set held = frame_held(section, loop.index, frame) if recounted is none
            else frame_when_ordered(section, loop.index, frame, recounted) -%}
        {%- if loop.first -%}
            {%- do known_word(place, 'relation', frame.get('relation') or 'and', operators | list) -%}
            {%- set folded.sql = ("'{(,)}'::tstzmultirange - " ~ held) if frame.get('relation') == 'not' else held -%}
        {%- else -%}
            {%- do known_word(place, 'relation', frame.get('relation'), operators | list) -%}
            {%- set folded.sql = '(' ~ folded.sql ~ ') ' ~ operators[frame.relation] ~ ' ' ~ held -%}
        {%- endif -%}
    {%- endfor -%}
    ({{ folded.sql }})
{%- endmacro %}

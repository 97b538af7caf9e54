{#
Frames that must hold in one and the same order (`and_scope: same_order`, Q-05). Neighbouring product and category
frames that are joined by `and` are a run: a frame of a run counts only the orders that match every frame of it. What
else a frame says, its count, its days and since when, stays its own.
#}

{% macro same_order_runs(scenario, section) -%}
    {#- The numbers of the frames of each run, from 1; a frame alone is none. -#}
    {%- set place = "scenario '" ~ scenario.get('code') ~ "', " ~ section -%}
    {%- set scope = (scenario.get(section) or {}).get('and_scope') or 'customer' -%}
    {%- set found = namespace(runs=[], run=[]) -%}
    {%- if known_word(place, 'and_scope', scope, ['customer', 'same_order']) == 'same_order' -%}
        {%- for frame in section_frames(scenario, section) -%}
            {#- nothing stands above the first, so that its 'or' joins nothing -#}
            {%- set joins = ['and', 'or'] if loop.first else ['and'] -%}
            {%- if frame.get('type') in ['product', 'category'] and (frame.get('relation') or 'and') in joins -%}
                {%- do found.run.append(loop.index) -%}
            {%- else -%}
                {%- do found.runs.append(found.run) -%}
                {%- set found.run = [] -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do found.runs.append(found.run) -%}
    {%- endif -%}
    {%- set runs = [] -%}
    {%- for run in found.runs if run | length > 1 -%} {%- do runs.append(run) -%} {%- endfor -%}
    {{- return(runs) -}}
{%- endmacro %}

{% macro matching_name(section, runs, number) -%}
    {#- The CTE with the orders that match the run of a frame; nothing for a frame of no run. -#}
    {%- for run in runs if number in run -%} {{- return(section ~ '_' ~ run[0] ~ '_matching') -}} {%- endfor -%}
    {{- return('') -}}
{%- endmacro %}

{% macro matching_orders(scenario, section, run) -%}
    {#- Each line is looked at once, however many frames there are: 99 frames that each look for the other 98 are more
        than the planner bears. -#}
    {%- set matches = [] -%}
    {%- for number in run -%}
        {%- set place = place_of_frame(scenario, section, number) -%}
        {%- do matches.append(line_matches(place, section_frames(scenario, section)[number - 1])) -%}
    {%- endfor -%}
    select purchases.order_id
    from purchases
    where {{ matches | join('\n        or ') }}
    group by purchases.order_id
    having
        bool_or({{ matches | join(')\n        and bool_or(') }})
{%- endmacro %}

{#
Condition frames (R-100a to R-102j). Frame i of a section s compiles to the CTE `s_i`, one row per customer (or per
customer and anchor) with `held`, the tstzmultirange of the instants at which its condition holds, and to
`s_i_occurrences`, what is behind it.
#}

{% macro section_frames(scenario, section) -%}
    {{- return((scenario.get(section) or {}).get('frames') or []) -}}
{%- endmacro %}

{% macro default_since(section) -%}
    {{- return('anchor' if section == 'stop' else 'all_time') -}}
{%- endmacro %}

{% macro frame_since(frame, default_since) -%}
    {#- Whether only what came after the anchor counts (C-12). What a customer is, is no happening. -#}
    {%- if frame.get('type') in ['member', 'segment', 'list'] -%} {{- return('all_time') -}} {%- endif -%}
    {{- return(frame.get('since') or ('all_time' if frame.get('count') else default_since)) -}}
{%- endmacro %}

{% macro has_many_frames(scenario) -%}
    {#- Whether the frames' CTEs are kept (`materialized`). To dissolve one into the query PostgreSQL looks through the
        whole of it, so planning takes the square of their number: at the most frames there may be, half a minute, and
        a second where they are kept. They execute alike; a dozen are planned in no time either way. -#}
    {%- set frames = [] -%}
    {%- for section in ['target', 'exclusion', 'stop'] -%}
        {%- do frames.extend(section_frames(scenario, section)) -%}
    {%- endfor -%}
    {{- return(frames | length > 12) -}}
{%- endmacro %}

{% macro cte_head(name, kept, otherwise='') -%}
    {#- `otherwise`: the word that the CTE carries where the frames are few. -#}
    {{ name }} as {{ 'materialized ' if kept else otherwise }}(
{%- endmacro %}

{% macro occurrence_ctes(scenario, reading) -%}
    {#- What the frames of all sections count. These come before the anchors, of which it is asked whether they hold what
        the target counts. Whoever buys what is offered is stopped, and was left out if it was bought before: what several
        frames count is looked up once. -#}
    {%- set kept = has_many_frames(scenario) -%}
    {%- set held = target_frames_held(scenario) -%}
    {%- set order_columns = order_columns_read(scenario) if held else [] -%}
    {%- set lookups = {} -%}
    {%- for section in ['target', 'exclusion', 'stop'] -%}
        {%- set runs = same_order_runs(scenario, section) -%}
        {%- for run in runs %}

{{ cte_head(matching_name(section, runs, run[0]), kept) }}
    {{ matching_orders(scenario, section, run) }}
),
        {%- endfor -%}
        {%- for frame in section_frames(scenario, section) -%}
            {%- set place = place_of_frame(scenario, section, loop.index) -%}
            {%- do checked_frame(place, section, frame) -%}
            {%- if frame.type != 'member' -%}
                {%- set matching = matching_name(section, runs, loop.index) -%}
                {%- set lookup = frame_occurrences(scenario, place, frame, reading, matching) -%}
                {%- set holds_anchors = section == 'target' and loop.index in held -%}
                {%- set with_anchors = frame_occurrences(
                    scenario, place, frame, reading, matching, order_columns
                ) if holds_anchors else lookup -%}
                {%- do lookups.setdefault(lookup, []).append({
                    'name': section ~ '_' ~ loop.index ~ '_occurrences',
                    'frame': frame,
                    'holds_anchors': holds_anchors,
                    'lookup': with_anchors,
                }) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for alike in lookups.values() -%}
        {#- an order is found once for every line that matches: who counts must see it once, and so must the anchors; who
            only asks whether it is there need not pay for that; of given customers' facts each is shown once -#}
        {%- set lookup = (alike | selectattr('holds_anchors') | list + alike)[0].lookup -%}
        {%- set shown_once = namespace(found=(reading == 'given')) -%}
        {%- for each in alike if is_counted(each.frame) or each.holds_anchors -%} {%- set shown_once.found = true -%} {%- endfor -%}
        {%- set by_line = alike[0].frame.type in ['product', 'category'] -%}
        {%- for each in alike %}

{{ cte_head(each.name, kept, otherwise='not materialized ' if each.frame.type == 'order' else '') }}
            {%- if not loop.first %}
    select * from {{ alike[0].name }}
            {%- elif by_line and shown_once.found %}
    select distinct * from (
    {{ lookup }}
    ) as lines
            {%- else %}
    {{ lookup }}
            {%- endif %}
),
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}

{% macro checked_frame(place, section, frame) -%}
    {%- do known_word(place, 'type', frame.get('type'), frame_types()) -%}
    {%- do known_word(place, 'since', frame_since(frame, default_since(section)), ['anchor', 'all_time']) -%}
    {%- do checked_count(place, frame) -%}
{%- endmacro %}

{% macro frame_ctes(scenario, section) -%}
    {#- When each frame of a section holds, from what `occurrence_ctes` found. -#}
    {%- set kept = has_many_frames(scenario) -%}
    {%- for frame in section_frames(scenario, section) -%}
    {%- set name = section ~ '_' ~ loop.index -%}
    {%- set per_anchor = frame_since(frame, default_since(section)) == 'anchor' %}

    {% if frame.type == 'member' -%}
{{ member_ctes(place_of_frame(scenario, section, loop.index), name, frame, kept) }}
    {%- elif is_counted(frame) -%}
{{ counted_ctes(scenario, name, frame, per_anchor, kept) }}
    {%- elif per_anchor -%}
{{ any_since_anchor_ctes(name, frame, kept) }}
    {%- else -%}
{{ any_cte(name, kept) }}
    {%- endif %}
    {%- endfor %}
{%- endmacro %}

{% macro frame_joins(scenario, section) -%}
    {#- Joins a section's frames to the anchors, for `fold_frames` to read. -#}
    {%- for frame in section_frames(scenario, section) %}
    {%- set name = section ~ '_' ~ loop.index %}
    {%- if frame_since(frame, default_since(section)) == 'all_time' %}
    left join {{ name }} on anchors.customer_id = {{ name }}.customer_id
    {%- elif is_counted(frame) %}
    left join {{ name }} on {{ is_same_anchor(scenario, name) }}
    {%- else %}
    {{- joins_since_anchor(name, frame) }}
    {%- endif %}
    {%- endfor %}
{%- endmacro %}

{% macro is_same_anchor(scenario, name) -%}
    {#- An order or an event is one customer's alone. To join by the customer as well would only tempt PostgreSQL to take
        the order in which anchors lie already, and to compare each anchor of a customer with all of them. -#}
    {%- if not is_order_anchor(scenario) and anchor_kind(scenario) != 'event' -%}
    anchors.customer_id = {{ name }}.customer_id and {# -#}
    {%- endif -%}
    anchors.anchor_key = {{ name }}.anchor_key
{%- endmacro %}

{% macro frame_held(section, number, frame) -%}
    {%- set name = section ~ '_' ~ number -%}
    {%- if frame_since(frame, default_since(section)) == 'all_time' or is_counted(frame) -%}
    coalesce({{ name }}.held, '{}')
    {%- else -%}
    {{ held_since_anchor(name, frame) }}
    {%- endif -%}
{%- endmacro %}

{#
Why a scenario answers as it does. The explanation reads the same CTEs as the table (`eligibility_ctes`), so that it
cannot disagree with it; it only shows what they held on the way. Belongs here: what is shown. Does not belong here: any
condition, and any wording (`ekiden/insights`).
#}

{% macro explanation_query(scenario, reading) -%}
    {#- One row per customer with what concerns all anchors (`anchor_key` null), and one per customer and anchor: so a
        customer of a thousand orders has a thousand facts in it and not a million. -#}
    {%- set subscribers = (scenario.get('target') or {}).get('active_subscriber', 'include') -%}
with

{{ eligibility_ctes(scenario, reading) }},

{{ frame_explanation_ctes(scenario) }}

{{ anchor_candidate_ctes(scenario, reading) }}

asked_customers as (
    select distinct asked.customer_id
    from unnest(given_customers) as asked (customer_id)
),

about_customers as (
    select
        asked_customers.customer_id,
        null::text as anchor_kind,
        null::text as anchor_key,
        null::timestamptz as anchor_at,
        null::date as anchor_date,
        null::tstzmultirange as entry_during,
        null::tstzmultirange as stop_during,
        jsonb_build_object(
            'duplicate_status', customers.duplicate_status,
            {%- if subscribers == 'exclude' %}
            'subscribed', {{ spans_as_json('active_subscribers.held') }},
            {%- endif %}
            'since_anchor', {{ text_literal(tojson(frames_since_anchor(scenario))) }}::jsonb,
            'frames', (
                select jsonb_agg(jsonb_build_object(
                    'section', section, 'frame', frame_no, 'held', {{ spans_as_json('held') }}
                ))
                from frame_spans
                where frame_spans.customer_id = asked_customers.customer_id and frame_spans.anchor_key is null
            ),
            'facts', (
                select jsonb_agg(jsonb_build_object('section', section, 'frame', frame_no, 'occurrences', occurrences))
                from frame_facts
                where frame_facts.customer_id = asked_customers.customer_id
            ),
            'candidates', (
                select jsonb_agg(candidate order by anchor_at, anchor_key)
                from explained_candidates
                where explained_candidates.customer_id = asked_customers.customer_id
            )
        ) as explanation
    from asked_customers
    left join customers on asked_customers.customer_id = customers.customer_id
    {%- if subscribers == 'exclude' %}
    left join active_subscribers on asked_customers.customer_id = active_subscribers.customer_id
    {%- endif %}
),

{#- a plan that takes one customer's anchors for few would make them anew for each anchor -#}
anchor_frames as materialized (
    select
        customer_id,
        anchor_key,
        jsonb_agg(jsonb_build_object(
            'section', section, 'frame', frame_no, 'held', {{ spans_as_json('held') }}
        )) as frames
    from frame_spans
    where anchor_key is not null
    group by customer_id, anchor_key
),

about_anchors as (
    select
        eligible.*,
        jsonb_build_object(
            'judged_at', judged.judged_at,
            'stands', {{ spans_as_json('anchors.anchor_during::tstzmultirange') }},
            'target', {{ spans_as_json('judged.target_during') }},
            'recounted', case when judged.recounted_during is not null then {{ spans_as_json('judged.recounted_during') }} end,
            'excluded', {{ spans_as_json('judged.excluded_during') }},
            {%- if stops_with_its_order(scenario) %}
            'void', {{ spans_as_json('anchors.void_during::tstzmultirange') }},
            {%- endif %}
            'frames', anchor_frames.frames
        ) as explanation
    from eligible
    inner join judged on eligible.customer_id = judged.customer_id and eligible.anchor_key = judged.anchor_key
    inner join anchors on eligible.customer_id = anchors.customer_id and eligible.anchor_key = anchors.anchor_key
    left join anchor_frames
        on eligible.customer_id = anchor_frames.customer_id and eligible.anchor_key = anchor_frames.anchor_key
)

select * from about_customers
union all
select * from about_anchors
{%- endmacro %}

{% macro spans_as_json(multirange) -%}
    {#- The spans as [from, to) pairs in order; null stands for an open end. -#}
    (
        select coalesce(jsonb_agg(jsonb_build_array(lower(span), upper(span)) order by span), '[]')
        from unnest({{ multirange }}) as span
    )
{%- endmacro %}

{% macro frames_since_anchor(scenario) -%}
    {#- Which frames count only what came after the anchor, as [section, number]. -#}
    {%- set found = [] -%}
    {%- for section in ['target', 'exclusion', 'stop'] -%}
        {%- for frame in section_frames(scenario, section) -%}
            {%- if frame_since(frame, default_since(section)) == 'anchor' -%} {%- do found.append([section, loop.index]) -%} {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(found) -}}
{%- endmacro %}

{% macro frame_explanation_ctes(scenario) -%}
    {#- `frame_spans`: when each frame holds, per customer or per anchor; `frame_facts`: what it counts. -#}
    {%- set spans = [] -%}
    {%- set facts = [] -%}
    {%- for section in ['target', 'exclusion', 'stop'] -%}
        {%- for frame in section_frames(scenario, section) -%}
            {%- set name = section ~ '_' ~ loop.index -%}
            {%- set place = "'" ~ section ~ "'::text as section, " ~ loop.index ~ ' as frame_no' -%}
            {%- set anchor_key = 'anchor_key' if frame_since(frame, default_since(section)) == 'anchor' else 'null::text' -%}
            {%- do spans.append(
                'select customer_id, ' ~ anchor_key ~ ' as anchor_key, ' ~ place ~ ', held from ' ~ name
            ) -%}
            {%- set relation = name ~ '_occurrences' -%}
            {%- if frame.type == 'member' -%}
                {%- set relation = '(' ~ member_facts(place_of_frame(scenario, section, loop.index), name, frame) ~ ') as facts' -%}
            {%- endif -%}
            {%- do facts.append(
                'select customer_id, ' ~ place ~ ', jsonb_agg(jsonb_build_object('
                ~ "'key', occurrence, 'from', lower(counts_during), 'to', upper(counts_during),"
                ~ " 'counts', not isempty(counts_during)) order by lower(counts_during), occurrence) as occurrences"
                ~ ' from ' ~ relation ~ ' group by customer_id'
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
frame_spans as (
    {{ spans | join('\n    union all\n    ') if spans else "select null::text as customer_id, null::text as anchor_key, null::text as section, null::integer as frame_no, null::tstzmultirange as held where false" }}
),

frame_facts as (
    {{ facts | join('\n    union all\n    ') if facts else "select null::text as customer_id, null::text as section, null::integer as frame_no, null::jsonb as occurrences where false" }}
),
{%- endmacro %}

{% macro anchor_candidate_ctes(scenario, reading) -%}
    {#- What could be an anchor were it not for the scenario's filters: the anchors of the same scenario with none of
        them, and for each filter whether it alone would leave the candidate. -#}
    {%- set kind = anchor_kind(scenario) -%}
    {%- set own = {
        'code': scenario.code, 'anchor': scenario.anchor, 'count_excludes_status': scenario.get('count_excludes_status')
    } -%}
    {%- set bare = dict(own, anchor='ordered') if is_order_anchor(scenario) else own -%}
    {%- set filters = {} -%}
    {%- if own != bare -%}
        {#- an order that lacks its date, or is not the one in question, is a candidate all the same -#}
        {%- do filters.update({kind: anchor_rows(own, reading)}) -%}
    {%- endif -%}
    {%- for name, wanted in (scenario.get('orders') or {}).items() if wanted is not none and wanted != 'all' -%}
        {%- do filters.update({'orders.' ~ name: anchor_rows(dict(bare, orders={name: wanted}), reading)}) -%}
    {%- endfor -%}
    {%- if scenario.get('site') is not none -%}
        {%- do filters.update({'site': anchor_rows(dict(bare, site=scenario.site), reading)}) -%}
    {%- endif -%}
    {#- the start is held against the anchor's own date -#}
    {%- if scenario.get('start') is not none -%}
        {%- do filters.update({'start': anchor_rows(dict(own, start=scenario.start), reading)}) -%}
    {%- endif -%}
    {%- if target_frames_held(scenario) -%}
        {%- do filters.update({'target': 'select customer_id, order_id as anchor_key from ' ~ anchor_orders(scenario)}) -%}
    {%- endif -%}
candidates as (
    {{ anchor_rows(bare, reading) }}
),
    {%- for filter in filters.values() %}

candidates_{{ loop.index }} as (
    {{ filter }}
),
    {%- endfor %}

explained_candidates as (
    select
        candidates.customer_id,
        candidates.anchor_key,
        candidates.anchor_at,
        jsonb_build_object(
            'key', candidates.anchor_key,
            'at', candidates.anchor_at,
            'date', candidates.anchor_date,
            'fails', array_remove(array[
                {%- for name in filters %}
                {#- hashed once, where `exists` would look through all of them for each #}
                case
                    when (candidates.customer_id, candidates.anchor_key) in (
                        select passing.customer_id, passing.anchor_key from candidates_{{ loop.index }} as passing
                    ) then null
                    else {{ text_literal(name) }}
                end{{ ',' if not loop.last }}
                {%- endfor %}
            ]::text[], null)
        ) as candidate
    from candidates
),
{%- endmacro %}

{% macro explain_function_name(live_function_name) -%}
    {#- Beside the function it explains. PostgreSQL cuts names after 63 bytes: the end must survive, so the model's name
        gives way; functions that share a name then answer the same conditions. -#}
    {{- live_function_name[:-12][:44] ~ live_function_name[-12:] ~ '__why' -}}
{%- endmacro %}

{% macro create_explain_function(function_name, scenario) -%}
    create or replace function {{ function_name }}(given_customers text[])
    returns table (
        customer_id text, anchor_kind text, anchor_key text, anchor_at timestamptz, anchor_date date,
        entry_during tstzmultirange, stop_during tstzmultirange, explanation jsonb
    )
    language sql stable {{ function_settings(scenario) }}
    as {{ text_literal(explanation_query(scenario, reading='given')) }}
{%- endmacro %}

{#
Segments: models under models/segments, one row per member, with `valid`, the spans of membership, or without it where
nobody knows them. Anchors and frames read them here.
#}

{% macro segment_anchor_rows(scenario, place, segment, reading) -%}
    {#- Each span of membership is an anchor of its own, at the instant the customer came in (R-041, R-074). Nobody comes
        in before the registration; who is in the segment already at the scenario's start comes in then. Where nobody
        knows the spans, the anchor of whoever has entered the scenario and is not in the segment any more stands no
        longer, and is there: an anchor that is not there never was one, and leaving is no reason to stop (R-036). -#}
    {%- set relation = segment_relation(place, segment) -%}
    {%- set keeps_spans = keeps_spans_of_membership(place, segment) %}
    select
        members.customer_id,
        to_char(lower(span) at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as anchor_key,
        lower(span) as anchor_at,
        {{ local_date('lower(span)') }} as anchor_date,
        null::timestamptz as judged_at,
        {{ 'span' if keeps_spans else "case when members.is_in then span else 'empty' end" }} as anchor_during
    from {% if keeps_spans %}{{ relation }}{% else %}(
        select customer_id, bool_or(is_in) as is_in
        from (
            select customer_id, true as is_in from {{ relation }}
            union all
            select enrolments.customer_id, false as is_in
            from enrolments
            where {{ is_of_scenarios([scenario.get('code')], models_of_codes([scenario.get('code')])) }}
        ) as known
        group by customer_id
    ){% endif %} as members
    inner join customers on members.customer_id = customers.customer_id
    cross join lateral unnest(
        {{ membership(place, segment, 'members') }} * tstzmultirange(tstzrange(
            {%- if scenario.get('start') is none %}
            customers.registered_at,
            {%- else %}
            greatest(customers.registered_at, {{ start_of_scenario(scenario) }}),
            {%- endif %}
            null
        ))
    ) as span
    {#- the join alone does not narrow what a segment reads #}
    where {{ customers_read(reading, 'members.customer_id') }}
    {%- if scenario.get('site') is not none %}
        and {{ site_is(scenario, 'customers.site') }}
    {%- endif %}
{%- endmacro %}

{% macro segment_node(place, segment) -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.name == segment and 'segments' in node.fqn -%}
        {{- return(node) -}}
    {%- endfor -%}
    {{ definition_fault(place, "segment '" ~ segment ~ "' is no model under models/segments") }}
{%- endmacro %}

{% macro segment_relation(place, segment) -%}
    {%- set relation = segment_node(place, segment).relation_name -%}
    {%- if not relation -%}
        {{ definition_fault(place, "segment '" ~ segment ~ "' is ephemeral: whoever asks before a send needs a view, or a table") }}
    {%- endif -%}
    {{- return(relation) -}}
{%- endmacro %}

{% macro membership(place, segment, relation) -%}
    {#- The spans of membership; a segment that keeps none has its members for ever. -#}
    {{- (relation ~ '.valid::tstzmultirange') if keeps_spans_of_membership(place, segment) else "'{(,)}'::tstzmultirange" -}}
{%- endmacro %}

{% macro keeps_spans_of_membership(place, segment) -%}
    {#- Whether a segment says when its members are in it. What is built tells; where nothing is built, as when the
        project is only compiled, what its yml says of its columns. -#}
    {%- set node = segment_node(place, segment) -%}
    {%- set built = adapter.get_columns_in_relation(
        api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias)
    ) | map(attribute='name') | list -%}
    {%- set columns = built or node.columns.keys() | list -%}
    {%- if 'customer_id' not in columns -%}
        {{ definition_fault(place, "segment '" ~ segment ~ "' is not built, and its yml names no column customer_id") }}
    {%- endif -%}
    {{- return('valid' in columns) -}}
{%- endmacro %}

{% macro segments_read(scenario) -%}
    {%- set segments = [] -%}
    {%- if anchor_kind(scenario) == 'entered' -%} {%- do segments.append(anchor_argument(scenario)) -%} {%- endif -%}
    {%- for section in ['target', 'exclusion', 'stop'] -%}
        {%- for frame in section_frames(scenario, section) -%}
            {%- set place = place_of_frame(scenario, section, loop.index) -%}
            {%- if frame.get('type') == 'segment' -%}
                {%- do segments.extend(one_or_more(place, 'codes', frame.get('codes'))) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(segments | unique | list) -}}
{%- endmacro %}

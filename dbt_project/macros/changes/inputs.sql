{#
What a table is made from, and whether it can be followed customer by customer: only what the triggers of schema raw
note, and what looks at one customer at a time and not at the clock, can. Does not belong here: the delta itself.
#}

{% macro gather_inputs(unique_id, found) -%}
    {#- Adds the ids of all nodes behind one to the list `found`. -#}
    {%- if unique_id in graph.nodes -%}
        {%- for parent in graph.nodes[unique_id].depends_on.nodes if parent not in found -%}
            {%- do found.append(parent) -%}
            {%- do gather_inputs(parent, found) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{% macro inputs(node) -%}
    {#- What is behind a model: `views`, `segments`, `sources` of the shop and built `tables`, as names, and
        `obstacles`, in words. -#}
    {%- set found = [] -%}
    {%- do gather_inputs(node.unique_id, found) -%}
    {%- set behind = {'views': [], 'segments': [], 'sources': [], 'tables': [], 'obstacles': []} -%}
    {%- for unique_id in [node.unique_id] + found | sort if unique_id in graph.nodes -%}
        {%- set each = graph.nodes[unique_id] -%}
        {%- if (each.config.meta or {}).get('compares_customers') -%}
            {%- do behind.obstacles.append(each.name ~ ' compares customers with each other') -%}
        {%- endif -%}
        {#- of the ledger, no more is noted than these two show -#}
        {%- if each.name not in ['stg_enrolments', 'stg_customer_events'] and '.ledger.' in each.depends_on.nodes | join(' ') -%}
            {%- do behind.obstacles.append('nothing notes what ' ~ each.name ~ ' reads of the ledger') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for unique_id in found | sort -%}
        {%- set source = graph.sources.get(unique_id) -%}
        {%- set parent = graph.nodes.get(unique_id) -%}
        {%- if source and source.source_name == 'raw' -%} {%- do behind.sources.append(source.relation_name) -%}
        {%- elif source and source.source_name == 'ledger' -%}
        {%- elif source -%} {%- do behind.obstacles.append('nothing notes what changes in ' ~ unique_id) -%}
        {%- elif parent.config.materialized == 'view' -%}
            {%- do behind.views.append(parent.relation_name) -%}
            {%- if 'segments' in parent.fqn -%} {%- do behind.segments.append(parent.relation_name) -%} {%- endif -%}
        {%- elif parent.config.materialized == 'table' and parent.resource_type == 'model' -%} {%- do behind.tables.append(table_name(parent)) -%}
        {%- else -%}
            {%- do behind.obstacles.append(parent.name ~ ' is a ' ~ parent.config.materialized ~ ' of its own') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set by_hand = inputs_by_hand(node) | join(' ') -%}
    {%- if '.raw.product_categories' in by_hand and ('.raw.customer_events' in by_hand or '.raw.subscriptions' in by_hand) -%}
        {%- do behind.obstacles.append('a product that changes its category is noted for those alone who ordered it') -%}
    {%- endif -%}
    {%- if not is_compiled_here(node.raw_code) and 'facts_read(' not in node.raw_code and 'reading()' not in node.raw_code -%}
        {%- do behind.obstacles.append('its SQL was written by hand and does not read its facts through facts_read()') -%}
    {%- endif -%}
    {{- return(behind) -}}
{%- endmacro %}

{% macro inputs_by_hand(node) -%}
    {#- The ids of all nodes behind what the shop wrote itself - the model's own SQL, or a scenario's segments: what the
        macros compile refers to every fact, used or not. -#}
    {%- set found = [] -%}
    {%- if not is_compiled_here(node.raw_code) -%}
        {%- do gather_inputs(node.unique_id, found) -%}
    {#- a broken definition asks nothing, and may be of any shape -#}
    {%- elif not broken_scenario(node) -%}
        {%- for segment in segments_read(node.config.meta.scenario) -%}
            {%- do gather_inputs(segment_node(place_of_anchor(node.config.meta.scenario), segment).unique_id, found) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(found) -}}
{%- endmacro %}

{% macro reads_enrolments(node) -%}
    {#- Whether it asks who entered which scenario. Every scenario could; only those with such a frame do, and those
        with a segment that asks. -#}
    {%- if 'stg_enrolments' in inputs_by_hand(node) | join(' ') -%} {{- return(true) -}} {%- endif -%}
    {%- if not is_compiled_here(node.raw_code) or broken_scenario(node) -%} {{- return(false) -}} {%- endif -%}
    {%- for section in ['target', 'exclusion', 'stop'] -%}
        {%- for frame in section_frames(node.config.meta.scenario, section) if frame.get('type') == 'scenario' -%}
            {{- return(true) -}}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(false) -}}
{%- endmacro %}

{% macro clock_calls() -%}
    {#- A pattern of the calls that answer otherwise from moment to moment. `age` does so of one argument, and is taken
        to have one where no comma follows it that is plainly its own. -#}
    {%- set argument = '([^(),]|\\(([^()]|\\([^()]*\\))*\\))*' -%}
    {{- return(
        '((now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|random|gen_random_uuid)\\s*\\('
        ~ '|age\\s*\\((?!' ~ argument ~ ',))'
    ) -}}
{%- endmacro %}

{% macro clock_words() -%}
    {#- A pattern of the words that mean another moment from day to day wherever a time belongs. -#}
    {{- return("'\\s*(now|today|tomorrow|yesterday)[\\s0-9:]*'") -}}
{%- endmacro %}

{% macro build_plan_query(node, behind, query) -%}
    {#- One row: what the database knows of a table and of what it is made from. -#}
    {%- set clock = '\\m' ~ clock_calls() ~ '|CURRENT_DATE|CURRENT_TIME|LOCALTIME' -%}
with views as (
    select
        string_agg(pg_get_viewdef(oid), '|' order by oid::regclass::text) as definitions,
        coalesce(
            bool_or(
                pg_get_viewdef(oid) ~ {{ text_literal(clock) }}
                or pg_get_viewdef(oid) ~* {{ text_literal(clock_words()) }}
            ),
            false
        ) as look_at_the_clock
    from pg_class
    where
        relkind = 'v'
        and oid = any({{ text_array(behind.views + behind.sources) }}::regclass[])
),

unnoted_sources as (
    select string_agg(source::text, ', ') as names
    from unnest({{ text_array(behind.sources) }}::regclass[]) as source
    where
        -- whoever has such a table in a schema of one's own vouches for it
        {{ text_literal(env_var('EKIDEN_RAW_SCHEMA', 'raw')) }} = 'raw'
        and (
            select count(*) from pg_trigger inner join pg_proc on pg_trigger.tgfoid = pg_proc.oid
            where
                pg_trigger.tgrelid = source
                and pg_trigger.tgenabled in ('O', 'A')
                and pg_proc.proname = 'note_changed_customers'
        ) < 4
),

timeless_segments as (
    select string_agg(segment::text, ', ') as names
    from unnest({{ text_array(behind.segments) }}::regclass[]) as segment
    where not exists (select from pg_attribute where attrelid = segment and attname = 'valid' and not attisdropped)
),

tables as (
    select
        string_agg(fingerprint, '|' order by relation_name) as fingerprints,
        min(contains_before) as contain_before,
        string_agg(relation_name, ', ') filter (where fingerprint is null) as made_whole
    from changed.built_tables
    where relation_name = any({{ text_array(behind.tables) }})
),

-- a cluster made from a dump counts its transactions anew
made_from as (
    select 'made from ' || md5(concat_ws(
        '|',
        {{ text_literal(local_md5(query ~ tojson([node.description, node.columns, node.config.get('indexes'), node.config.get('grants')]))) }},
        pg_control_system.system_identifier,
        views.definitions,
        tables.fingerprints
    )) as fingerprint
    from pg_control_system()
    cross join views
    cross join tables
)

select
    made_from.fingerprint,
    target.relkind::text as target_kind,
    (
        select string_agg(quote_ident(attname), ', ' order by attnum)
        from pg_attribute
        where attrelid = target.oid and attnum > 0 and not attisdropped
    ) as columns,
    coalesce(built.fingerprint = made_from.fingerprint, false) as is_the_same,
    case
        when to_regclass({{ text_literal(customer_changes()) }}) is null then 'nothing notes what changes in its raw schema'
        when unnoted_sources.names is not null then 'nothing notes what changes in ' || unnoted_sources.names
        when views.look_at_the_clock then 'it looks at the clock'
        when tables.made_whole is not null then tables.made_whole || ' is made whole as well'
        when timeless_segments.names is not null then timeless_segments.names || ' does not say when'
    end as obstacle,
    least(pg_snapshot_xmin(pg_current_snapshot()), tables.contain_before)::text as full_contains_before,
    -- what the tables that it reads have not taken in, it has not either
    least(delta.contains_before, tables.contain_before)::text as delta_contains_before,
    coalesce(delta.reaches_from <= built.contains_before, false) as delta_reaches,
    coalesce(delta.customers, 0) as customers,
    {%- if reads_enrolments(node) %}
    exists (
        select from {{ noted_changes() }} as changes
        where changes.facts = 'enrolments' and changes.transaction_id >= built.contains_before
    ) as is_anyone_enrolled
    {%- else %}
    false as is_anyone_enrolled
    {%- endif %}
from made_from
cross join views
cross join unnoted_sources
cross join timeless_segments
cross join tables
left join changed.built_tables as built on built.relation_name = {{ text_literal(table_name(node)) }}
left join changed.delta on true
left join pg_class as target on target.oid = to_regclass({{ text_literal(this.include(database=false)) }})
{%- endmacro %}

{% macro build_plan(node, query) -%}
    {#- How to build a table now: its `fingerprint`; `reason` why for everybody, none where the delta will do; how many
        `customers` that has; `contains_before` which transaction the result contains everything. -#}
    {%- set behind = inputs(node) -%}
    {%- set known = read_rows(build_plan_query(node, behind, query))[0] -%}
    {%- set obstacle = behind.obstacles | first if behind.obstacles else known.obstacle -%}
    {%- set clock = '(?i)\\b(' ~ clock_calls() ~ '|current_(date|time)|localtime)' -%}
    {%- if not is_compiled_here(node.raw_code) -%}
        {#- in a definition such a word is somebody's code -#}
        {%- set clock = clock ~ '|' ~ clock_words() -%}
    {%- endif -%}
    {%- if not obstacle and modules.re.search(clock, query) -%}
        {%- set obstacle = 'it looks at the clock' -%}
    {%- endif -%}
    {%- if not obstacle and known.columns and 'customer_id' not in known.columns.split(', ') -%}
        {%- set obstacle = 'it has no column customer_id' -%}
    {%- endif -%}
    {%- if known.target_kind != 'r' -%} {%- set reason = 'it is not there yet' -%}
    {%- elif should_full_refresh() -%} {%- set reason = 'that was asked for' -%}
    {%- elif obstacle -%} {%- set reason = obstacle -%}
    {%- elif not known.is_the_same -%} {%- set reason = 'it is made from something else now' -%}
    {%- elif not known.delta_reaches -%} {%- set reason = 'too much changed' -%}
    {%- elif known.is_anyone_enrolled -%} {%- set reason = 'somebody entered a scenario' -%}
    {%- else -%} {%- set reason = none -%}
    {%- endif -%}
    {{- return({
        'reason': reason,
        'fingerprint': none if obstacle else known.fingerprint,
        'target_kind': known.target_kind,
        'columns': known.columns,
        'customers': known.customers | int,
        'contains_before': known.full_contains_before if reason else known.delta_contains_before,
    }) -}}
{%- endmacro %}

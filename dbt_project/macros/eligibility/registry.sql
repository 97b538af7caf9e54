{#
The registry of built scenarios: for each eligibility model the definition it was built from, the function that answers
the same question over live facts, the build and the git revision. The planner reads definitions from here, so that a
table and the definition it is planned by can never differ.
#}

{% macro create_scenario_registry() -%}
    create schema if not exists eligibility;
    create table if not exists eligibility.scenario_registry (
        model_name text primary key,
        relation_name text not null,
        definition jsonb not null,
        live_function text,
        explain_function text,
        build_id text not null,
        git_revision text,
        built_at timestamptz not null
    );
    do language plpgsql {{ text_literal("
begin
    -- a registry that was made before there were explanations; asked first, as the change would wait for every reader
    if not exists (
        select from pg_attribute
        where
            attrelid = 'eligibility.scenario_registry'::regclass
            and attname = 'explain_function'
            and not attisdropped
    ) then
        alter table eligibility.scenario_registry add column if not exists explain_function text;
    end if;
end") }};
{%- endmacro %}

{% macro live_function_name(model_name, scenario) -%}
    {#- Named by what it answers: enrolments keep the conditions of their version, so an edit must make a new
        function beside the old one. Ten hexadecimal digits: a collision within one scenario needs about a million
        edits. -#}
    {%- set conditions = {
        'anchor': scenario.get('anchor'), 'orders': scenario.get('orders'), 'target': scenario.get('target'),
        'exclusion': scenario.get('exclusion'), 'stop': scenario.get('stop'), 'time_zone': time_zone(),
        'site': scenario.get('site'), 'start': scenario.get('start'), 'code': scenario.get('code'),
        'recheck_order_status': scenario.get('recheck_order_status'),
        'excluded_order_statuses': scenario.get('excluded_order_statuses'),
    } -%}
    {#- not where nobody says it: the functions of whoever never did keep their names, and their scenarios their versions -#}
    {%- if scenario.get('count_excludes_status') is not none -%}
        {%- do conditions.update({'count_excludes_status': scenario.get('count_excludes_status')}) -%}
    {%- endif -%}
    {{- model_name ~ '__' ~ local_md5(tojson(conditions, sort_keys=true))[:10] -}}
{%- endmacro %}

{% macro create_live_function(function_name, scenario) -%}
    create or replace function {{ function_name }}(given_customers text[])
    returns table (
        customer_id text, anchor_kind text, anchor_key text, anchor_at timestamptz, anchor_date date,
        entry_during tstzmultirange, stop_during tstzmultirange
    )
    language sql stable {{ function_settings(scenario) }}
    {#- a text literal and no dollar quotes: a code may hold any characters #}
    as {{ text_literal(eligibility_query(scenario, reading='given')) }}
{%- endmacro %}

{% macro compiler(scenario) -%}
    {#- What a scenario's functions are compiled by: the digest of these macros and of the settings they read, the
        database, which the names of relations begin with, and how its segments are read, which are models of their own.
        Nothing, where dbt was not started by Ekiden. -#}
    {%- set digest = env_var('EKIDEN_MACROS_DIGEST', '') -%}
    {%- if not digest -%} {{- return('') -}} {%- endif -%}
    {%- set segments = [] -%}
    {%- for segment in segments_read(scenario) -%}
        {%- set relation = segment_relation(place_of_anchor(scenario), segment) -%}
        {%- do segments.append(relation ~ ' as ' ~ membership(place_of_anchor(scenario), segment, segment)) -%}
    {%- endfor -%}
    {{- return(
        'compiled by ' ~ digest ~ ' in ' ~ target.dbname ~ (' over ' ~ segments | join(', ') if segments else '')
    ) -}}
{%- endmacro %}

{% macro is_compiled_already(function_names, compiled_by) -%}
    {#- Whether the functions, whose names tell their conditions, stand as these macros would make them: writing the two
        queries of a scenario anew takes longer than a morning's few changed customers do. -#}
    {%- if not compiled_by -%} {{- return(false) -}} {%- endif -%}
    {%- set standing -%}
    select 1
    from unnest({{ text_array(function_names) }}) as name
    where obj_description(to_regprocedure(name || '(text[])'), 'pg_proc') = {{ text_literal(compiled_by) }}
    {%- endset -%}
    {{- return(read_rows(standing) | length == function_names | length) -}}
{%- endmacro %}

{% macro is_compiled_here(raw_code) -%}
    {#- The same rule as `compiled_here` in ekiden/scenarios/model_sql.py; a test holds both against the same models. -#}
    {%- set around = '(?:\\s|[{][#](?:(?![#][}])[\\s\\S])*[#][}]|--[^\\n]*(?:\\n|$)|/[*](?:(?![*]/)[\\s\\S])*[*]/)*' -%}
    {%- set call = '[{][{]-?\\s*eligibility\\s*[(][^{}]*[)]\\s*-?[}][}]' -%}
    {{- return(modules.re.fullmatch(around ~ call ~ around, raw_code) is not none) -}}
{%- endmacro %}

{% macro register_scenario() -%}
    {#- The pre-hook of every eligibility model. -#}
    {%- if execute -%}
    {%- set broken = broken_scenario(model) -%}
    {#- a broken one says so in the place of its definition: whoever reads the registry leaves it out #}
    {{ scenario_registration(
        model.name, this.include(database=false),
        broken_definition(model, broken) if broken else model.config.meta.scenario,
        compiled_here=is_compiled_here(model.raw_code) and not broken
    ) }}
    {%- endif -%}
{%- endmacro %}

{% macro scenario_registration(model_name, relation, scenario, compiled_here) -%}
    {#- What makes a definition the scenario's current one: its live function, unless the model's SQL was written by
        hand, and its row in the registry. -#}
    {%- set live_name = live_function_name(model_name, scenario) -%}
    {%- set function_name = 'eligibility.' ~ adapter.quote(live_name) -%}
    {%- set explain_name = 'eligibility.' ~ adapter.quote(explain_function_name(live_name)) -%}
    {%- set compiled_by = compiler(scenario) if compiled_here else '' -%}
    {%- if compiled_here and not is_compiled_already([function_name, explain_name], compiled_by) %}
    {{ create_live_function(function_name, scenario) }};
    {{ create_explain_function(explain_name, scenario) }};
    {#- also where there is nothing to say: a function keeps the comment of the one that it replaces #}
    comment on function {{ function_name }} is {{ text_literal(compiled_by) }};
    comment on function {{ explain_name }} is {{ text_literal(compiled_by) }};
    {%- endif %}
    insert into eligibility.scenario_registry
        (model_name, relation_name, definition, live_function, explain_function, build_id, git_revision, built_at)
    values (
        {{ text_literal(model_name) }},
        {{ text_literal(relation) }},
        {{ text_literal(tojson(scenario, sort_keys=true)) }}::jsonb,
        {{ text_literal(function_name) if compiled_here else 'null' }},
        {{ text_literal(explain_name) if compiled_here else 'null' }},
        {{ text_literal(invocation_id) }},
        nullif({{ text_literal(env_var('EKIDEN_GIT_REVISION', '')) }}, ''),
        clock_timestamp()
    )
    on conflict (model_name) do update set
        relation_name = excluded.relation_name,
        definition = excluded.definition,
        live_function = excluded.live_function,
        explain_function = excluded.explain_function,
        build_id = excluded.build_id,
        git_revision = excluded.git_revision,
        built_at = excluded.built_at
{%- endmacro %}

{% macro forget_removed_scenarios() -%}
    {#- A model that left the project leaves the registry; its rows and history stay in the ledger. -#}
    {%- if execute -%}
    {%- set names = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and 'eligibility' in node.fqn -%}
        {%- do names.append(node.name) -%}
    {%- endfor -%}
    delete from eligibility.scenario_registry
    {%- if names %} where model_name not in ({{ text_list(names) }}){% endif %}
    {%- endif -%}
{%- endmacro %}

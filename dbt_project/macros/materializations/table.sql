{#
The project's tables, in place of dbt's own way to make them: followed customer by customer where that can be (`inputs`
says where), so that only the rows of the customers whose facts changed are computed, and of those only what differs is
written; else made for everybody. One transaction, so that a crash leaves the old table or the new one, never something
between.
#}

{% materialization table, adapter='postgres' -%}
    {%- set target = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {#- the driver has begun a transaction by itself; within one, to begin is a warning in the server's log -#}
    {%- if not begin_build('commit;') and not should_full_refresh() -%}
        {%- do adapter.commit() -%}
        {%- do refresh_delta() -%}
        {%- do begin_build() -%}
    {%- endif -%}
    {%- set plan = build_plan(model, sql) -%}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if plan.reason -%}
        {%- if plan.target_kind and not should_full_refresh() -%}
            {{ log(table_name(model) ~ ': everybody anew, because ' ~ plan.reason, info=true) }}
        {%- endif -%}
        {%- do build_for_everybody(target, plan.target_kind, sql) -%}
    {%- elif plan.customers -%}
        {%- do model.update({'reading': 'changed'}) -%}
        {%- do build_for_changed_customers(target, plan.columns, render(model.raw_code)) -%}
    {%- else -%}
        {%- call noop_statement('main', 'nobody changed', 'SELECT', 0) -%} -- nobody changed {%- endcall -%}
    {%- endif -%}
    {%- call statement() -%}
    {{ remember_build(plan) }};
    {%- if model.fqn[1] == 'eligibility' %}
    -- so that the planner looks again only at the customers for whom something can be new
    select changed.follow_eligibility({{ text_literal(target.include(database=false)) }})
    {%- endif -%}
    {%- endcall -%}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- if plan.reason -%}
        {%- do apply_grants(target, config.get('grants'), should_revoke=true) -%}
        {%- do persist_docs(target, model) -%}
    {%- endif -%}
    {{ adapter.commit() }}
    {%- if plan.reason and plan.target_kind -%} {%- do fill_views() -%} {%- endif -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{%- endmaterialization %}

{% macro begin_build(before='') -%}
    {#- Begins the table's transaction; whether the delta is this build's. Two builds of one table take turns, and each
        looks at what the other left. One statement, as each costs dbt more than the server. It begins in so many words:
        the driver does not notice a commit, and would begin no second transaction. -#}
    {%- set begun -%}
    {{ before }}
    begin;
    select pg_advisory_xact_lock(hashtextextended({{ text_literal('build of ' ~ table_name(model)) }}, 0));
    lock table changed.delta in share mode;
    {{ build_settings() }};
    {{ own_delta() }}
    {%- endset -%}
    {{- return(read_rows(begun) | length > 0) -}}
{%- endmacro %}

{% macro build_settings() -%}
    {#- For this transaction. A machine of 4 GB bears two such builds, and where there is more of it, more gains nothing;
        whatever a crash right after the commit takes back, the next build makes again; compiling queries costs more
        than it gains. -#}
    set local work_mem = '128MB';
    set local maintenance_work_mem = '256MB';
    set local synchronous_commit = off;
    set local jit = off;
    -- a hundredth of the usual sample of a column tells an index from a scan
    set local default_statistics_target = 10
{%- endmacro %}

{% macro build_for_everybody(target, kind, query) -%}
    {#- The whole table beside the old one, which it replaces at the end; `kind` is what is there now, by pg_class. -#}
    {%- set draft = make_intermediate_relation(target) -%}
    {%- call statement() -%} drop table if exists {{ draft }} {%- endcall -%}
    {%- set other_constraints = [] -%}
    {%- set required = [] -%}
    {%- for column in model.columns.values() -%}
        {%- for constraint in column.constraints or [] -%}
            {%- do (required if constraint.type == 'not_null' else other_constraints).append(
                adapter.quote(column.name) if column.quote else column.name
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set contract = config.get('contract') -%}
    {%- if contract.enforced and not other_constraints and not model.constraints -%}
        {#- not as dbt does it: an `insert` is never planned in parallel -#}
        {%- do get_assert_columns_equivalent(query) -%}
        {%- call statement('main') -%} create table {{ draft }} as {{ get_select_subquery(query) }} {%- endcall -%}
        {%- if required -%}
            {%- call statement() -%}
            alter table {{ draft }}
            {%- for column in required %} alter column {{ column }} set not null{{ ',' if not loop.last }}{% endfor %}
            {%- endcall -%}
        {%- endif -%}
    {%- else -%}
        {%- call statement('main') -%} {{ get_create_table_as_sql(False, draft, query) }} {%- endcall -%}
    {%- endif -%}
    {%- do create_indexes(draft) -%}
    {%- call statement() -%} analyze {{ draft }} {%- endcall -%}
    {%- set rename = 'alter table ' ~ draft ~ ' rename to ' ~ adapter.quote(target.identifier) -%}
    {%- set drop = 'drop ' ~ {'v': 'view', 'm': 'materialized view'}.get(kind, 'table') ~ ' ' ~ target ~ ' cascade; ' -%}
    {%- call statement() -%} {{ keeping_views(target, drop ~ rename) if kind else rename }} {%- endcall -%}
{%- endmacro %}

{% macro build_for_changed_customers(target, columns, query) -%}
    {#- Computes the changed customers' rows and writes what differs. Rows are compared byte by byte, with the model's
        unique key as what finds the other quickly. Where it has none, two rows may be the same, and which of them is new
        nobody can tell: all of these customers' rows are written. -#}
    {%- set key = config.get('unique_key') or [] -%}
    {%- set key = [key] if key is string else key -%}
    {%- call statement() -%}
    -- so many joins over so few rows: a mistaken estimate must not cost more than a hash table does, and starting
    -- workers takes longer than the work
    set local enable_nestloop = off;
    set local max_parallel_workers_per_gather = 0;
    create temporary table fresh_rows (like {{ target }}) on commit drop;
    insert into fresh_rows ({{ columns }})
    select {{ columns }} from (
        {{ query }}
    ) as query
    where {{ is_changed('customer_id') }};
    set local enable_nestloop = on;
    create temporary table differing_rows on commit drop as
    {%- if key %}
    select fresh.fresh_place, standing.standing_place
    from (
        {{ places_of_rows('fresh', 'fresh_rows', key) }}
    ) as fresh
    full join (
        {{ places_of_rows('standing', target, key) }}
        where {{ is_changed('standing_row.customer_id') }}
    ) as standing
        on
            {% for column in key %}fresh.{{ column }} = standing.{{ column }} and {% endfor %}
            fresh.fresh_row *= standing.standing_row
    where
        fresh.fresh_place is null or standing.standing_place is null
        -- a key may repeat, against its word: of rows that are the same, nobody can tell how many of which stay
        or fresh.alike > 1 or standing.alike > 1
    {%- else %}
    select null::tid as fresh_place, standing_row.ctid as standing_place
    from {{ target }} as standing_row
    where {{ is_changed('standing_row.customer_id') }}
    union all
    select fresh.ctid, null from fresh_rows as fresh
    {%- endif %};
    delete from {{ target }} as built using differing_rows as differing where built.ctid = differing.standing_place
    {%- endcall -%}
    {%- call statement('main') -%}
    insert into {{ target }} ({{ columns }})
    select {{ columns }} from fresh_rows as fresh
    where fresh.ctid = any(array(select differing.fresh_place from differing_rows as differing))
    {%- endcall -%}
{%- endmacro %}

{% macro places_of_rows(name, relation, key) -%}
    {#- Rows as a whole with their keys, where they lie, and how many have the same key. -#}
    select
        {{ name }}_row.ctid as {{ name }}_place,
        {{ name }}_row,
        {% for column in key %}{{ name }}_row.{{ column }}, {% endfor %}
        count(*) over (
            partition by {% for column in key %}{{ name }}_row.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
        ) as alike
    from {{ relation }} as {{ name }}_row
{%- endmacro %}

{% macro remember_build(plan) -%}
    insert into changed.built_tables
        (relation_name, fingerprint, contains_before, customers_rebuilt, build_id, built_at)
    values (
        {{ text_literal(table_name(model)) }},
        {{ text_literal(plan.fingerprint) if plan.fingerprint else 'null' }},
        {{ text_literal(plan.contains_before) }}::xid8,
        {{ 'null' if plan.reason else plan.customers }},
        {{ text_literal(invocation_id) }},
        clock_timestamp()
    )
    on conflict (relation_name) do update set
        fingerprint = excluded.fingerprint,
        contains_before = excluded.contains_before,
        customers_rebuilt = excluded.customers_rebuilt,
        build_id = excluded.build_id,
        built_at = excluded.built_at
{%- endmacro %}

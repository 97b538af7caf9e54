{#
The delta: the customers whose facts changed since the tables were built, and those facts, read once for all models of
a build. Schema `changed`; raw.customer_changes says whom. Does not belong here: what a model does with it
(`table`).
#}

{% macro customer_changes() -%}
    {#- The shop's notes of whose facts changed; a raw schema of one's own may have such a table as well. -#}
    {{- env_var('EKIDEN_RAW_SCHEMA', 'raw') }}.customer_changes
{%- endmacro %}

{% macro noted_changes() -%}
    {#- All notes, to stand in a `from`. The ledger's are in schema raw wherever the shop's tables are: who entered a
        scenario, and who opened a message. -#}
    {%- if customer_changes() == 'raw.customer_changes' -%} raw.customer_changes
    {%- else -%}
    (
        select customer_id, facts, order_id, transaction_id from {{ customer_changes() }}
        union all
        select customer_id, facts, order_id, transaction_id from raw.customer_changes
    )
    {%- endif -%}
{%- endmacro %}

{% macro read_rows(query) -%}
    {#- Like dbt's `run_query`, within the transaction that dbt knows of. -#}
    {%- call statement('read_rows', fetch_result=true) -%} {{ query }} {%- endcall -%}
    {{- return(load_result('read_rows').table.rows) -}}
{%- endmacro %}

{% macro refresh_delta() -%}
    {#- Sees to it that the delta is this build's, in a transaction of its own. Models that run at the same time wait
        for the one that makes it. -#}
    {#- whoever reads the delta holds a share lock until its table is done; in so many words, as `begin_build` -#}
    {%- call statement() -%}
    begin;
    lock table changed.delta in exclusive mode;
    {{ build_settings() }}
    {%- endcall -%}
    {%- if not read_rows(own_delta()) -%}
        {%- call statement() -%} {{ delta_statements() }} {%- endcall -%}
        {%- if read_rows("select 1 from changed.delta where customers > 0") -%}
            {%- call statement() -%} {{ changed_facts_statements() }} {%- endcall -%}
        {%- endif -%}
    {%- endif -%}
    {%- do adapter.commit() -%}
{%- endmacro %}

{% macro own_delta() -%}
    {#- A row where the delta is this build's. -#}
    select 1 from changed.delta where build_id = {{ text_literal(invocation_id) }}
{%- endmacro %}

{% macro delta_statements() -%}
    {#- Whose facts changed: as far back as the table that is furthest behind needs it, but no further than to where
        it is few customers. -#}
    {%- set is_noted = read_rows("select 1 where to_regclass(" ~ text_literal(customer_changes()) ~ ") is not null") -%}
    {%- set missing = [] -%}
    {%- for relation in staging_relations().values() -%}
        {%- if not read_rows("select 1 where to_regclass(" ~ text_literal(relation) ~ ") is not null") -%}
            {%- do missing.append(relation) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set notes_tables = ['raw.customer_changes'] + ([customer_changes()] if is_noted else []) %}
    -- Of transactions that are still to come, whose notes nobody could see yet: another server's, restored by a dump.
    -- They would count as changes until this server comes to them. A table that goes by such a one is made whole.
    {%- for notes in notes_tables | unique %}
    delete from {{ notes }} where transaction_id >= pg_snapshot_xmax(pg_current_snapshot());
    {%- endfor %}
    delete from changed.built_tables where contains_before > pg_snapshot_xmax(pg_current_snapshot());
    -- no truncation: others look at it without a lock to see whose it is
    delete from changed.delta;
    truncate changed.customer_ids;
    {%- if not is_noted or missing %}
    insert into changed.delta (build_id, contains_before, customers)
    values ({{ text_literal(invocation_id) }}, pg_snapshot_xmin(pg_current_snapshot()), 0);
    {%- else %}
    insert into changed.delta (build_id, reaches_from, contains_before, customers)
    with few as (
        -- beyond a tenth, a table of everybody is made as fast; ten thousand are few in any shop
        select greatest(10000, max(reltuples) / 10)::bigint as customers
        from pg_class
        where oid in (to_regclass('{{ env_var("EKIDEN_RAW_SCHEMA", "raw") }}.customers'), to_regclass('marts.customers'))
    ),

    built as (
        select distinct contains_before from changed.built_tables
    )

    select
        {{ text_literal(invocation_id) }},
        min(built.contains_before),
        pg_snapshot_xmin(pg_current_snapshot()),
        0
    from built
    where
        not exists (
            select from {{ noted_changes() }} as changes
            where
                changes.transaction_id >= built.contains_before
                and changes.customer_id is null
                and changes.facts = 'shop'
        )
        and (
            select count(*)
            from (
                select distinct changes.customer_id from {{ noted_changes() }} as changes
                where changes.transaction_id >= built.contains_before and changes.facts = 'shop'
                limit (select few.customers + 1 from few)
            ) as found
        ) <= (select few.customers from few);

    insert into changed.customer_ids (customer_id)
    select changes.customer_id
    from {{ noted_changes() }} as changes
    where
        changes.transaction_id >= (select delta.reaches_from from changed.delta)
        and changes.facts = 'shop'
        -- one of anybody came after the delta was begun: the next build sees it
        and changes.customer_id is not null
    union
    select orders.customer_id
    from {{ noted_changes() }} as changes
    inner join {{ env_var('EKIDEN_RAW_SCHEMA', 'raw') }}.orders as orders on changes.order_id = orders.order_id
    where changes.transaction_id >= (select delta.reaches_from from changed.delta) and changes.facts = 'lines'
    -- in order: what is read by these then lies in order as well
    order by customer_id;

    analyze changed.customer_ids;

    update changed.delta set customers = (select count(*) from changed.customer_ids);
    {%- endif %}

    -- what every table has taken in; none can go back behind what this delta holds
    {%- for notes in notes_tables | unique %}
    delete from {{ notes }}
    where
        transaction_id < (select min(built_tables.contains_before) from changed.built_tables)
        and transaction_id < (select delta.contains_before from changed.delta);
    {%- endfor %}
{%- endmacro %}

{% macro changed_facts_statements() -%}
    {%- for name, relation in staging_relations().items() %}
    drop table if exists changed.{{ name }};
    create unlogged table changed.{{ name }} as
    select * from {{ relation }}
    {#- a join does not reach through a view that looks at a customer's rows together #}
    where {{ customers_read('changed', 'customer_id') if name == 'customer_history' else is_changed('customer_id') }};
    analyze changed.{{ name }};
    {%- endfor %}
{%- endmacro %}

{% macro is_changed(column) -%}
    {#- Whether a customer is one of them; as a join, which knows how many they are, where `customers_read` gives an
        array that is searched from end to end for every row without an index. -#}
    {{ column }} in (select customer_ids.customer_id from changed.customer_ids)
{%- endmacro %}

{% macro staging_relations() -%}
    {#- The staging views of the facts, by name; from the graph, as the model that happens to be first refers to few. -#}
    {%- set relations = {} -%}
    {%- set names = fact_names() -%}
    {%- for name in names -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.name == names[name] -%}
            {%- do relations.update({name: node.relation_name}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(relations) -}}
{%- endmacro %}

{% macro forget_removed_tables() -%}
    {#- A table that left the project must not make builds look back to it for ever. -#}
    {%- if execute -%}
    {%- set names = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.config.materialized == 'table' -%}
        {%- do names.append(table_name(node)) -%}
    {%- endfor -%}
    delete from changed.built_tables
    {%- if names %} where relation_name not in ({{ text_list(names) }}){% endif %}
    {%- endif -%}
{%- endmacro %}

{% macro table_name(node) -%}
    {#- What a table is called in changed.built_tables. -#}
    {{- return(node.schema ~ '.' ~ node.alias) -}}
{%- endmacro %}

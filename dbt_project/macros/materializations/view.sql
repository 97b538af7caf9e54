{#
Views are replaced in place. dbt's own way renames the old view and drops it with everything that depends on it: while
a build runs, or after a build of one model alone, the views that a sender reads would be gone. Here a view is there at
every moment; only when its columns change must it be dropped, and views on it are made again with it where they can be.
To replace one is to wait for all who read it, with every sender behind: one that is the same stays as it is, and for
another it waits a moment at a time.
#}

{% materialization view, adapter='postgres' -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if config.get('contract').enforced -%}
        {#- before it is there: whoever reads it relies on the types -#}
        {%- do get_assert_columns_equivalent(sql) -%}
    {%- endif -%}
    {% call statement('main') -%}
    {{ replace_view(target, sql, existing) }}
    {%- endcall %}
    {#- what is replaced keeps its grants -#}
    {%- do apply_grants(target, config.get('grants'), should_revoke=true) -%}
    {% do persist_docs(target, model) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {%- do fill_views() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{%- endmaterialization %}

{% macro replace_view(relation, query, existing=none) -%}
    {%- set create = 'create or replace view ' ~ relation ~ ' as (\n' ~ query ~ '\n)' -%}
    {%- if existing is not none and not existing.is_view -%}
    {%- set kind = 'materialized view' if existing.is_materialized_view else 'table' -%}
    {{ keeping_views(relation, 'drop ' ~ kind ~ ' if exists ' ~ relation ~ ' cascade; ' ~ create) }}
    {%- else -%}
    do language plpgsql {{ text_literal("
begin
    execute " ~ text_literal('create temporary view view_as_written as (\n' ~ query ~ '\n)') ~ ";
    -- both as the server says them; whoever reads one is not asked to wait for the other
    if
        pg_get_viewdef('pg_temp.view_as_written'::regclass)
        is distinct from pg_get_viewdef(to_regclass(" ~ text_literal(relation.include(database=false)) ~ "))
    then
        begin
            " ~ in_turns("execute " ~ text_literal(create) ~ ";") ~ "
        exception when invalid_table_definition then
            -- a column was removed, renamed or given another type
            execute " ~ text_literal(keeping_views(relation, 'drop view ' ~ relation ~ ' cascade; ' ~ create)) ~ ";
        end;
    end if;
    drop view pg_temp.view_as_written;
end") }}
    {%- endif -%}
{%- endmacro %}

{% macro in_turns(statements) -%}
    {#- For a block of PL/pgSQL: statements that no reader of what they lock may run beside. Whoever wants to read next
        waits behind the wish alone, so it is given up after three seconds, for as long, until no reader stands in the
        way. -#}
declare
    usual_timeout text := current_setting('lock_timeout');
begin
    loop
        begin
            perform set_config('lock_timeout', '3s', true);
            {{ statements }}
            perform set_config('lock_timeout', usual_timeout, true);
            exit;
        -- who reads by a view holds that and waits for its table, and a drop takes them the other way round
        exception when lock_not_available or deadlock_detected then
            raise warning 'waits for whoever reads: %', sqlerrm;
            perform pg_sleep(3);
        end;
    end loop;
end;
{%- endmacro %}

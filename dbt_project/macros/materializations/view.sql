{#
Views are replaced in place. dbt's own way renames the old view and drops it with everything that depends on it: while
a build runs, or after a build of one model alone, the views that a sender reads would be gone. Here a view is there at
every moment; only when its columns change must it be dropped, and views on it are made again with it where they can be.
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
    execute " ~ text_literal(create) ~ ";
exception when invalid_table_definition then
    -- a column was removed, renamed or given another type
    execute " ~ text_literal(keeping_views(relation, 'drop view ' ~ relation ~ ' cascade; ' ~ create)) ~ ";
end") }}
    {%- endif -%}
{%- endmacro %}

{#
The first build in a database: the names of the models' tables and views must be free. Does not belong here: what becomes
of tables that are ours (`materializations`).
#}

{% macro refuse_tables_of_others() -%}
    {#- Ekiden's first build would put its own in the place of somebody else's, `marts.orders` for one. Which are ours is
        known from the first build on: by the registry, and by what is kept of tables that were built. -#}
    {%- if execute -%}
    {%- set names = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.relation_name -%}
        {%- do names.append(node.relation_name) -%}
    {%- endfor -%}
    {%- set query -%}
    select name
    from unnest({{ text_array(names) }}) as name
    where
        to_regclass(name) is not null
        and to_regclass('eligibility.scenario_registry') is null
        and not exists (select from changed.built_tables)
    order by name
    {%- endset -%}
    {%- set taken = read_rows(query) | map(attribute='name') | list -%}
    {%- if taken -%}
        {{ exceptions.raise_compiler_error(
            'there is already ' ~ taken | join(', ') ~ ', and no build of Ekiden made it: nothing was built. Give Ekiden a '
            ~ 'database of its own, or rename what was there before'
        ) }}
    {%- endif -%}
    {%- endif -%}
{%- endmacro %}

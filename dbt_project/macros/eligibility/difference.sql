{% macro print_eligibility_queries(sources) -%}
    {#- For `dbt run-operation`: compiles definitions that no model has, such as those of an older revision, with today's
        macros. Each source is a scenario's definition or, where a model's SQL was written by hand, that SQL. -#}
    {%- set queries = [] -%}
    {%- for source in sources -%}
        {%- do queries.append(
            render(source.sql) if source.sql else eligibility_query(source.definition, reading='everyone')
        ) -%}
    {%- endfor -%}
    {%- do print(tojson({'queries': queries})) -%}
{%- endmacro %}

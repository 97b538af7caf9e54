{#
Whatever drops a relation drops the views on it: segments that read a mart, a report of somebody else's. Senders and
plans ask through them at every moment, so they stand again before anybody can miss them. Does not belong here: how a
relation is made.
#}

{% macro keeping_views(relation, statements) -%}
    {#- One statement that runs others, which replace a relation, and makes the views on it again as they were. One that
        cannot be, as a column that it reads is gone, waits for its own turn in the build. -#}
do language plpgsql {{ text_literal("
declare
    kept jsonb;
    view_statements jsonb;
    view_statement text;
begin
    -- of two that replace what one view reads, each would wait for what the other has dropped
    if exists (
        select from pg_depend
        inner join pg_rewrite on pg_depend.classid = 'pg_rewrite'::regclass and pg_depend.objid = pg_rewrite.oid
        where
            pg_depend.refclassid = 'pg_class'::regclass
            and pg_depend.refobjid = to_regclass(" ~ text_literal(relation.include(database=false)) ~ ")
            and pg_rewrite.ev_class <> pg_depend.refobjid
    ) then
        perform pg_advisory_xact_lock(hashtextextended('views that are made again', 0));
    end if;
    kept := (
        with recursive on_it (relation, depth) as (
            select to_regclass(" ~ text_literal(relation.include(database=false)) ~ ")::oid, 0
            union
            select pg_rewrite.ev_class, on_it.depth + 1
            from on_it
            inner join pg_depend on pg_depend.refclassid = 'pg_class'::regclass and pg_depend.refobjid = on_it.relation
            inner join pg_rewrite
                on pg_depend.classid = 'pg_rewrite'::regclass and pg_depend.objid = pg_rewrite.oid
            where pg_rewrite.ev_class <> on_it.relation
        )

        select
            jsonb_agg(
                jsonb_build_array(
                    format(
                        'create view %s %s as %s', on_it.relation::regclass,
                        'with (' || array_to_string(pg_class.reloptions, ', ') || ')', pg_get_viewdef(on_it.relation)
                    ),
                    format(
                        'comment on view %s is %L', on_it.relation::regclass, obj_description(on_it.relation, 'pg_class')
                    )
                ) || (
                    select
                        coalesce(
                            jsonb_agg(format(
                                'grant %s on %s to %s %s', acl.privilege_type, on_it.relation::regclass,
                                case acl.grantee when 0 then 'public' else acl.grantee::regrole::text end,
                                case when acl.is_grantable then 'with grant option' end
                            )),
                            '[]'
                        )
                    from aclexplode(pg_class.relacl) as acl
                )
                -- whatever reads another view comes after it
                order by on_it.depth
            )
        from (select relation, max(depth) as depth from on_it where depth > 0 group by relation) as on_it
        inner join pg_class on on_it.relation = pg_class.oid and pg_class.relkind = 'v'
    );
    execute " ~ text_literal(statements) ~ ";
    for view_statements in select * from jsonb_array_elements(kept) loop
        begin
            for view_statement in select * from jsonb_array_elements_text(view_statements) loop
                execute view_statement;
            end loop;
        exception when others then
            raise warning 'not made again: %', sqlerrm;
        end;
    end loop;
end") }}
{%- endmacro %}

{#
Whatever drops a relation drops the views on it: segments that read a mart, a report of somebody else's. Senders and
plans ask through them at every moment, so they stand again before anybody can miss them, materialized ones too, which
are filled once nobody waits for it. Does not belong here: how a relation is made.
#}

{% macro keeping_views(relation, statements) -%}
    {#- One statement that runs others, which replace a relation, and makes the views on it again as they were, and the
        relation's own grants, without which somebody else's view on it could no longer read it. A view that cannot be,
        as a column that it reads is gone, waits for its own turn in the build. `fill_views` belongs behind it. -#}
do language plpgsql {{ text_literal("
declare
    kept jsonb;
    view_statements jsonb;
    statement text;
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
    " ~ in_turns("
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
                case
                    when depth = 0 then '[null]'
                    else jsonb_build_array(
                        format(
                            'create %s %s %s as %s %s', kind, name,
                            'with (' || array_to_string(pg_class.reloptions, ', ') || ')',
                            rtrim(pg_get_viewdef(pg_class.oid), ';'), case when is_materialized then 'with no data' end
                        ),
                        format('comment on %s %s is %L', kind, name, obj_description(pg_class.oid, 'pg_class'))
                    )
                end
                || (
                    select coalesce(jsonb_agg(pg_get_indexdef(pg_index.indexrelid)), '[]')
                    from pg_index
                    where pg_index.indrelid = pg_class.oid and depth > 0
                )
                || (
                    select
                        coalesce(
                            jsonb_agg(format(
                                'grant %s on %s to %s %s', acl.privilege_type, name,
                                case acl.grantee when 0 then 'public' else acl.grantee::regrole::text end,
                                case when acl.is_grantable then 'with grant option' end
                            )),
                            '[]'
                        )
                    -- the owner's as well: where a view cannot be given back, its owner still reads it
                    from aclexplode(coalesce(pg_class.relacl, acldefault('r', pg_class.relowner))) as acl
                    where acl.grantee <> quote_ident(current_user)::regrole
                )
                || case
                    when depth > 0 and pg_class.relowner <> quote_ident(current_user)::regrole
                        then jsonb_build_array(
                            format('alter %s %s owner to %s', kind, name, pg_class.relowner::regrole)
                        )
                    else '[]'
                end
                -- filling runs what its owner wrote: with the owner's rights, or not at all
                || case
                    when depth > 0 and pg_class.relispopulated and is_materialized
                        then jsonb_build_array(format(
                            'insert into changed.views_to_fill (view_name, owner_id)'
                            ' select %1$L, relowner from pg_class where oid = to_regclass(%1$L) and relowner = %2$s'
                            ' on conflict (view_name) do update set owner_id = excluded.owner_id, failure = null',
                            name, pg_class.relowner
                        ))
                    else '[]'
                end
                -- whatever reads another view comes after it
                order by depth
            )
        from (select relation, max(depth) as depth from on_it group by relation) as on_it
        inner join pg_class on on_it.relation = pg_class.oid
        cross join lateral (
            select
                pg_class.relkind = 'm' as is_materialized,
                case pg_class.relkind when 'm' then 'materialized view' else 'view' end as kind,
                pg_class.oid::regclass::text as name
        ) as words
        where depth = 0 or pg_class.relkind in ('v', 'm')
    );
    execute " ~ text_literal(statements) ~ ";
    ") ~ "
    for view_statements in select * from jsonb_array_elements(kept) loop
        begin
            if view_statements ->> 0 is not null then
                execute view_statements ->> 0;
            end if;
            for statement in select * from jsonb_array_elements_text(view_statements - 0) loop
                begin
                    execute statement;
                exception when others then
                    raise warning 'not as it was: %: %', statement, sqlerrm;
                end;
            end loop;
        exception when others then
            raise warning 'not made again: %: %', view_statements ->> 0, sqlerrm;
        end;
    end loop;
end") }}
{%- endmacro %}

{% macro fill_views() -%}
    {#- Fills what `keeping_views` made again; after the commit, as whoever reads the table waited for it until then. -#}
    {%- call statement() -%} {{ filling_views() }} {%- endcall -%}
    {{ adapter.commit() }}
{%- endmacro %}

{% macro filling_views(those_that_failed=false) -%}
    {#- One that cannot be filled is empty, which PostgreSQL tells whoever asks it; the next build tries again. -#}
do language plpgsql {{ text_literal("
declare
    to_fill record;
begin
    if not exists (select from changed.views_to_fill) then
        return;
    end if;
    -- another build may have one in hand, and made it again once more, just as empty
    perform pg_advisory_xact_lock(hashtextextended('views that are made again', 0));
    -- gone since, filled by somebody, or another role's by now
    delete from changed.views_to_fill as noted
    where not exists (
        select from pg_class
        where oid = to_regclass(noted.view_name) and relowner = noted.owner_id and relkind = 'm' and not relispopulated
    );
    for to_fill in
        select view_name from changed.views_to_fill
        where " ~ ("true" if those_that_failed else "failure is null") ~ "
        -- as they were made: one that reads another has the higher number
        order by to_regclass(view_name)::oid
    loop
        begin
            execute format('refresh materialized view %s', to_fill.view_name);
            delete from changed.views_to_fill as noted where noted.view_name = to_fill.view_name;
        exception when others then
            raise warning 'not filled again: %: %', to_fill.view_name, sqlerrm;
            update changed.views_to_fill as noted set failure = sqlerrm where noted.view_name = to_fill.view_name;
        end;
    end loop;
end") }}
{%- endmacro %}

-- Which customers' facts changed, and in which transaction, so that a build computes those customers alone: the
-- triggers below note them, `dbt build` reads them by transaction and removes what every table has taken in.
--
-- By transaction and not by time or by a running number: transactions commit in another order than they begin, and a
-- reader that went by either would pass over the late ones. What a transaction older than every running one wrote is
-- there for good; everything else is simply read once more next time.

create table raw.customer_changes (
    -- null: it may be any customer
    customer_id text,
    -- what changed: the shop's facts, lines of an order that nobody could see yet, or who entered which scenario
    facts text not null default 'shop' check (facts in ('shop', 'lines', 'enrolments')),
    -- whose lines, until the order tells the customer
    order_id text check ((order_id is null) = (facts <> 'lines')),
    transaction_id xid8 not null default pg_current_xact_id()
);

create index customer_changes_by_transaction on raw.customer_changes (transaction_id);

-- A trigger's argument is a query of the customers whom its rows concern; `changed_rows` are those rows, and after an
-- update also what they were before.
create function raw.note_changed_customers() returns trigger language plpgsql as $$
declare
    changed_rows constant text := case tg_op
        when 'INSERT' then 'select * from new_rows'
        when 'DELETE' then 'select * from old_rows'
        else 'select * from new_rows union all select * from old_rows'
    end;
    -- beyond a twentieth, computing everybody anew is about as fast, and noting them one by one is slow; a table
    -- without statistics was empty a moment ago
    many_rows constant bigint := (
        select greatest(10000, reltuples / 20) from pg_class where oid = tg_relid
    );
    many_customers constant bigint := (
        select greatest(10000, reltuples / 20) from pg_class where oid = 'raw.customers'::regclass
    );
    found bigint := many_rows + 1;
begin
    if tg_op <> 'TRUNCATE' then
        execute format('select count(*) from (select from (%s) as rows limit %s) as counted', changed_rows, many_rows + 1)
        into found;
    end if;
    if found between 1 and many_rows then
        execute format(
            'insert into raw.customer_changes (customer_id)'
            ' select distinct customer_id from (with changed_rows as (%s) %s) as customers limit %s',
            changed_rows, tg_argv[0], many_customers + 1
        );
        get diagnostics found = row_count;
        if found > many_customers then
            insert into raw.customer_changes (customer_id) values (null);
        end if;
    elsif found > many_rows then
        insert into raw.customer_changes (customer_id) values (null);
    end if;
    return null;
end
$$;

do $$
declare
    noted record;
begin
    for noted in
        select tables.name, tables.customers
        from (
            values
            ('customers', 'select customer_id from changed_rows'),
            ('customer_history', 'select customer_id from changed_rows'),
            ('orders', 'select customer_id from changed_rows'),
            ('subscriptions', 'select customer_id from changed_rows'),
            ('customer_events', 'select customer_id from changed_rows'),
            ('customer_tags', 'select customer_id from changed_rows'),
            ('list_members', 'select customer_id from changed_rows'),
            -- an order that cannot be seen is noted by itself, below
            (
                'order_lines',
                'select orders.customer_id from changed_rows'
                ' inner join raw.orders as orders on changed_rows.order_id = orders.order_id'
            ),
            (
                'product_categories',
                'select orders.customer_id from changed_rows'
                ' inner join raw.order_lines as lines on changed_rows.product_id = lines.product_id'
                ' inner join raw.orders as orders on lines.order_id = orders.order_id'
            ),
            (
                'payment_methods',
                'select orders.customer_id from changed_rows'
                ' inner join raw.orders as orders on changed_rows.payment_method = orders.payment_method'
            )
        ) as tables (name, customers)
    loop
        -- one trigger for each kind of statement: those with rows cannot share one
        execute format(
            'create trigger note_inserted_customers after insert on raw.%1$I referencing new table as new_rows'
            ' for each statement execute function raw.note_changed_customers(%2$L);'
            'create trigger note_updated_customers after update on raw.%1$I'
            ' referencing old table as old_rows new table as new_rows'
            ' for each statement execute function raw.note_changed_customers(%2$L);'
            'create trigger note_deleted_customers after delete on raw.%1$I referencing old table as old_rows'
            ' for each statement execute function raw.note_changed_customers(%2$L);'
            'create trigger note_truncation after truncate on raw.%1$I'
            ' for each statement execute function raw.note_changed_customers(%2$L);',
            noted.name, noted.customers
        );
    end loop;
end
$$;

-- An order and its lines may come in two transactions at once, neither of which sees the other: whoever commits last,
-- the build finds the customer by the order.
create function raw.note_lines_without_order() returns trigger language plpgsql as $$
declare
    -- more than these are noted as everybody's already
    many_rows constant bigint := (
        select greatest(10000, reltuples / 20) from pg_class where oid = tg_relid
    );
begin
    if (select count(*) from (select from new_rows limit many_rows + 1) as counted) <= many_rows then
        insert into raw.customer_changes (facts, order_id)
        select distinct 'lines', new_rows.order_id
        from new_rows
        where not exists (select from raw.orders as orders where orders.order_id = new_rows.order_id);
    end if;
    return null;
end
$$;

create trigger note_inserted_lines after insert on raw.order_lines referencing new table as new_rows
for each statement execute function raw.note_lines_without_order();
create trigger note_updated_lines after update on raw.order_lines referencing new table as new_rows
for each statement execute function raw.note_lines_without_order();

-- Scenarios may ask who entered other scenarios. Few do, and enrolments come by the hundred thousand: so it is noted
-- that there were some and not whose, and the scenarios that ask are computed for everybody.
create function raw.note_enrolments() returns trigger language plpgsql as $$
begin
    insert into raw.customer_changes (customer_id, facts) values (null, 'enrolments');
    return null;
end
$$;

create function raw.note_if_any_enrolled() returns trigger language plpgsql as $$
begin
    if exists (select from new_rows) then
        insert into raw.customer_changes (customer_id, facts) values (null, 'enrolments');
    end if;
    return null;
end
$$;

create trigger note_enrolments after insert on outreach.enrolments
referencing new table as new_rows
for each statement execute function raw.note_if_any_enrolled();

-- whose every row was deleted never came in
create trigger note_removals after update of state on outreach.enrolments
for each row when ((old.state = 'removed') <> (new.state = 'removed'))
execute function raw.note_enrolments();

create trigger note_new_codes after update of scenario_code on outreach.scenarios
for each row when (old.scenario_code is distinct from new.scenario_code)
execute function raw.note_enrolments();

-- a scenario's products choose its orders, in every build and for each product of a changed category
create index order_lines_by_product on raw.order_lines (product_id) include (order_id);

-- What builds know of each other. One row per table that is followed customer by customer: what it was made from, and
-- how far it has taken changes in.
create schema changed;

create table changed.built_tables (
    relation_name text primary key,
    -- of the queries behind it; null: it cannot be followed and is made anew each time
    fingerprint text,
    -- whatever transactions older than this one changed is in it
    contains_before xid8 not null,
    -- in the last build; null: everybody
    customers_rebuilt bigint,
    build_id text not null,
    built_at timestamptz not null
);

-- The changes that the builds running now share: at most one row, and beside it in this schema the ids and the facts
-- of the customers it is about, made anew by every build. Unlogged, as all of them: lost together, they are made again.
create unlogged table changed.delta (
    build_id text not null,
    -- every change of this transaction and later ones is in it, and every change of those older than contains_before;
    -- null: there are too many
    reaches_from xid8,
    contains_before xid8 not null,
    customers bigint not null
);

create unlogged table changed.customer_ids (customer_id text not null);

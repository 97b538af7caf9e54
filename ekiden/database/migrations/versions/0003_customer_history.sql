-- What members' newsletter status and rank were before: filled from a file, or by the trigger below when
-- raw.customers changes. ekiden/raw/contract.py says what each column means.

create table raw.customer_history (
    customer_id text not null,
    field text not null check (field in ('newsletter_status', 'member_rank')),
    changed_at timestamptz not null,
    value text,
    loaded_at timestamptz not null default now(),
    primary key (customer_id, field, changed_at)
);

create function raw.record_customer_history() returns trigger language plpgsql as $$
begin
    with changes as (
        select new_rows.customer_id, fields.*, old_rows.registered_at
        from old_rows
        inner join new_rows on old_rows.customer_id = new_rows.customer_id
        cross join lateral (
            values
            ('newsletter_status', old_rows.newsletter_status, new_rows.newsletter_status),
            ('member_rank', old_rows.member_rank, new_rows.member_rank)
        ) as fields (field, old_value, new_value)
        where fields.old_value is distinct from fields.new_value
    ),

    -- a first change tells what was there before it as well
    first_values as (
        select customer_id, field, least(registered_at, now() - interval '1 microsecond') as changed_at, old_value
        from changes
        where not exists (
            select from raw.customer_history as known
            where known.customer_id = changes.customer_id and known.field = changes.field
        )
    )

    insert into raw.customer_history (customer_id, field, changed_at, value)
    select customer_id, field, changed_at, old_value from first_values
    union all
    select customer_id, field, now(), new_value from changes
    -- changed twice in one transaction: what it came to counts
    on conflict (customer_id, field, changed_at) do update set value = excluded.value;
    return null;
end
$$;

-- once for each statement, as a load updates a million rows in one
create trigger customers_keep_their_history
after update on raw.customers
referencing old table as old_rows new table as new_rows
for each statement execute function raw.record_customer_history();

-- Of two loads, the one that began first may wait for the other's end, and what it writes then is what holds from there
-- on: so a change comes after those that are known already, where it was of the time at which its transaction began.

-- As in 0003, but for that.
create or replace function raw.record_customer_history() returns trigger language plpgsql as $$
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
    ),

    later_values as (
        select
            changes.customer_id,
            changes.field,
            coalesce(
                (
                    select max(known.changed_at) + interval '1 microsecond'
                    from raw.customer_history as known
                    where
                        known.customer_id = changes.customer_id
                        and known.field = changes.field
                        and known.changed_at > now()
                        -- what a file says of days to come is no reason to wait for them
                        and known.changed_at <= clock_timestamp()
                ),
                now()
            ) as changed_at,
            changes.new_value
        from changes
    )

    insert into raw.customer_history (customer_id, field, changed_at, value)
    select customer_id, field, changed_at, old_value from first_values
    union all
    select customer_id, field, changed_at, new_value from later_values
    -- changed twice in one transaction: what it came to counts
    on conflict (customer_id, field, changed_at) do update set value = excluded.value;
    return null;
end
$$;

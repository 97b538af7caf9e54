-- Who stands in the file twice comes onto the list once, with the earliest time.
delete from pg_temp.staged_list_members as repeated
using (
    select
        line,
        row_number() over (partition by customer_id order by {added_at} asc, line asc) as occurrence
    from pg_temp.staged_list_members
) as numbered
where repeated.line = numbered.line and numbered.occurrence > 1

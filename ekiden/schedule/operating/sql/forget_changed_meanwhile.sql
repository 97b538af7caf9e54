-- What another person or a sender changed while we waited for its lock, so that the filter admits it no more. The rows
-- are locked by now, and this statement sees them as they are.
delete from pg_temp.chosen_rows as chosen
where
    not exists (
        select
        from outreach.operator_rows
        where operator_rows.schedule_row_id = chosen.schedule_row_id and ({condition})
    )

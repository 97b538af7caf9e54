-- Rows that a new send run would settle: their sender is gone and nobody has looked after them yet.
select count(*)
from outreach.schedule_rows as rows
inner join outreach.attempts
    on rows.schedule_row_id = attempts.schedule_row_id and rows.attempts = attempts.attempt_no
where
    rows.state = 'sending'
    and attempts.outcome is null
    and not exists (
        select
        from pg_locks
        where
            pg_locks.locktype = 'advisory'
            and pg_locks.database = (select db.oid from pg_database as db where db.datname = current_database())
            and pg_locks.classid = %(lock_class)s
            and pg_locks.objid = rows.claimed_by
            and pg_locks.granted
    )

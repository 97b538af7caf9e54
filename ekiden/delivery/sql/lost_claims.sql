-- Rows on their way whose sender is gone (its advisory lock is free), or whose outcome nobody knows yet.
select
    rows.schedule_row_id,
    rows.message_id,
    attempts.posted_at is not null as was_posted
from outreach.schedule_rows as rows
inner join outreach.attempts
    on rows.schedule_row_id = attempts.schedule_row_id and rows.attempts = attempts.attempt_no
where
    rows.state = 'sending'
    and rows.schedule_row_id > %(after)s
    and attempts.channel_name = %(channel_name)s
    and (
        attempts.outcome = 'unknown'
        or not exists (
            select
            from pg_locks
            where
                pg_locks.locktype = 'advisory'
                and pg_locks.database = (select oid from pg_database where datname = current_database())
                and pg_locks.classid = %(lock_class)s
                and pg_locks.objid = rows.claimed_by
                and pg_locks.granted
        )
    )
order by rows.schedule_row_id
limit %(batch_size)s
for update of rows skip locked

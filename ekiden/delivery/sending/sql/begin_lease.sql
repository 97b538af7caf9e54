insert into outreach.dispatchers as dispatchers (number, run_id, host, process_id, started_at, lease_until)
select
    %(number)s,
    %(run_id)s,
    %(host)s,
    %(process_id)s,
    clock_timestamp(),
    clock_timestamp() + %(length)s
-- numbers begin again after two thousand million of them
on conflict (number) do update
    set
        run_id = excluded.run_id,
        host = excluded.host,
        process_id = excluded.process_id,
        started_at = excluded.started_at,
        lease_until = excluded.lease_until,
        ended_at = null

insert into outreach.guard_findings (guard, finding, pause_id, found_at)
select distinct
    %(guard)s as guard,
    found.finding,
    %(pause_id)s::bigint as pause_id,
    %(now)s::timestamptz as found_at
from pg_temp.findings as found
on conflict do nothing

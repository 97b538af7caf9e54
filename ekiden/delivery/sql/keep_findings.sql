insert into outreach.guard_findings (guard, finding, pause_id, found_at)
select distinct
    %(guard)s as guard,
    to_jsonb(offender)::text as finding,
    %(pause_id)s::bigint as pause_id,
    %(now)s::timestamptz as found_at
from ({query}) as offender
on conflict do nothing

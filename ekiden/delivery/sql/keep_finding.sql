insert into outreach.guard_findings (guard, finding, pause_id, found_at)
values (%(guard)s, %(finding)s, %(pause_id)s, %(now)s)
on conflict do nothing

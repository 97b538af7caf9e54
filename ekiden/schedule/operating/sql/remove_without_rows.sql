-- E9: of no row at all every one is deleted, and none was sent.
update outreach.enrolments
set state = 'removed', exit_reason = null, exited_at = %(now)s
from pg_temp.chosen_without_rows as chosen
where enrolments.enrolment_id = chosen.enrolment_id and enrolments.state <> 'removed'

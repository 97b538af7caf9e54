-- E5
update outreach.enrolments
set state = 'stopped', exit_reason = %(exit_reason)s, exited_at = %(now)s
from pg_temp.chosen_without_rows as chosen
where enrolments.enrolment_id = chosen.enrolment_id and enrolments.state = 'active'

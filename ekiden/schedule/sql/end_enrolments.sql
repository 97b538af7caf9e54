-- E5
update outreach.enrolments
set state = 'stopped', exit_reason = %(exit_reason)s, exited_at = %(now)s
where enrolment_id = any(%(enrolments)s) and state = 'active'

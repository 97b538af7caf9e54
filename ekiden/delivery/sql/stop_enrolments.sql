-- E3, E4, E6
update outreach.enrolments
set state = 'stopped', exit_reason = %(reason)s, exited_at = %(now)s
where enrolment_id = any(%(enrolments)s) and state = 'active'

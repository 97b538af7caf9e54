-- E10
update outreach.enrolments
set state = 'active', exit_reason = null, exited_at = null
where enrolment_id = any(%(enrolments)s) and state = 'stopped' and exit_reason = 'blocked'

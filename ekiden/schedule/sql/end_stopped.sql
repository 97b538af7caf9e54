-- E3, E4: the enrolment ends with the reason of its rows.
update outreach.enrolments
set state = 'stopped', exit_reason = stops.reason, exited_at = %(now)s
from pg_temp.stops
where enrolments.enrolment_id = stops.enrolment_id and enrolments.state = 'active'

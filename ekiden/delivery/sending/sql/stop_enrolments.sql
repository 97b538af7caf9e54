-- E3, E4, E6
update outreach.enrolments
set state = 'stopped', exit_reason = %(reason)s, exited_at = %(now)s, left_at = ending.left_at
from unnest(%(enrolments)s::bigint[], %(left_at)s::timestamptz[]) as ending (enrolment_id, left_at)
where enrolments.enrolment_id = ending.enrolment_id and enrolments.state = 'active'

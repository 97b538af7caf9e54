-- T14: only while nothing was sent for a later step, which the lazy birth of rows makes sure of.
update outreach.schedule_rows as rows
set state = 'held', reason = %(reason)s, send_at = null, state_changed_at = %(now)s
from outreach.enrolments
where
    rows.schedule_row_id = any(%(rows)s)
    and rows.state = 'blocked'
    and rows.enrolment_id = enrolments.enrolment_id
    and enrolments.exit_reason = 'blocked'
returning rows.enrolment_id

-- T12
update outreach.schedule_rows
set state = 'completed', reason = %(reason)s, state_changed_at = %(now)s
where schedule_row_id = any(%(rows)s) and state in ('ready', 'held')
returning enrolment_id

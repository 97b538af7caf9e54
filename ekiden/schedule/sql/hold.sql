-- T4
update outreach.schedule_rows
set state = 'held', reason = 'operator', send_at = null, state_changed_at = %(now)s
where schedule_row_id = any(%(rows)s) and state = 'ready'
returning enrolment_id

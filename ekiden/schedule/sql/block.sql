-- T13
update outreach.schedule_rows
set state = 'blocked', reason = %(reason)s, state_changed_at = %(now)s
where schedule_row_id = any(%(rows)s) and state in ('ready', 'held', 'failed')
returning enrolment_id

-- T5
update outreach.schedule_rows
set state = 'held', reason = 'missed_send', send_at = null, state_changed_at = %(now)s
where schedule_row_id = any(%(rows)s)

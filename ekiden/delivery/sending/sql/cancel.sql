-- T15
update outreach.schedule_rows
set state = 'cancelled', reason = %(reason)s, state_changed_at = %(now)s
where schedule_row_id = any(%(rows)s)

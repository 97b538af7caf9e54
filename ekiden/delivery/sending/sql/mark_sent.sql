-- T7
update outreach.schedule_rows
set state = 'sent', reason = null, sent_at = %(now)s, claimed_by = null, state_changed_at = %(now)s
where schedule_row_id = any(%(rows)s) and state = 'sending'
returning schedule_row_id

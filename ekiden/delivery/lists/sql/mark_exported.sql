-- T11: lists are extracted, nothing is sent.
update outreach.schedule_rows
set state = 'sent', reason = null, sent_at = %(now)s, state_changed_at = %(now)s
where schedule_row_id = any(%(rows)s)

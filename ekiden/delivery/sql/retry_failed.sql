-- T10: what surely did not leave is tried again, later each time, while the budget lasts.
update outreach.schedule_rows
set
    state = 'ready',
    send_at = %(now)s::timestamptz + %(retry_after)s * attempts,
    state_changed_at = %(now)s
where
    schedule_row_id = any(%(rows)s)
    and state = 'failed'
    and (%(max_attempts)s::integer is null or attempts < %(max_attempts)s)

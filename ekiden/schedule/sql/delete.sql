-- T16: never what was sent or is being sent.
update outreach.schedule_rows
set state = 'deleted', reason = %(reason)s, state_changed_at = %(now)s
where
    schedule_row_id = any(%(rows)s)
    and state in ('ready', 'held', 'completed', 'blocked', 'skipped', 'cancelled', 'failed')
returning enrolment_id

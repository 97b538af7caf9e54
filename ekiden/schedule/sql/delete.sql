-- T16: never what was sent or is being sent.
update outreach.schedule_rows as rows
set state = 'deleted', reason = %(reason)s, state_changed_at = %(now)s
from pg_temp.chosen_rows as chosen
where
    rows.schedule_row_id = chosen.schedule_row_id
    and rows.state in ('ready', 'held', 'completed', 'blocked', 'skipped', 'cancelled', 'failed')

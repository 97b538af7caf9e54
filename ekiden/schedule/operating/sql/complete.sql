-- T12
update outreach.schedule_rows as rows
set state = 'completed', reason = %(reason)s, state_changed_at = %(now)s
from pg_temp.chosen_rows as chosen
where rows.schedule_row_id = chosen.schedule_row_id and rows.state in ('ready', 'held')

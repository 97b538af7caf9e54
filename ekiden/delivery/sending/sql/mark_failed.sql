-- T9
update outreach.schedule_rows as rows
set state = 'failed', reason = failed.reason, claimed_by = null, state_changed_at = %(now)s
from unnest(%(rows)s::bigint[], %(reasons)s::text[]) as failed (schedule_row_id, reason)
where rows.schedule_row_id = failed.schedule_row_id and rows.state = 'sending'

-- T8
update outreach.schedule_rows as rows
set state = 'skipped', reason = withheld.reason, claimed_by = null, state_changed_at = %(now)s
from unnest(%(rows)s::bigint[], %(reasons)s::text[]) as withheld (schedule_row_id, reason)
where
    rows.schedule_row_id = withheld.schedule_row_id
    and rows.state = 'sending'
    and rows.claimed_by = %(sender)s
returning rows.schedule_row_id

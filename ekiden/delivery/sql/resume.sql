update outreach.sending_pauses
set resumed_by = %(actor)s, resumed_at = %(now)s, resume_reason = %(reason)s
where resumed_at is null and scenario_id is not distinct from %(scenario_id)s::bigint
returning pause_id

update outreach.attempts
set
    finished_at = %(now)s,
    outcome = 'withheld',
    newsletter_status = withheld.newsletter_status,
    consent_read_at = %(consent_read_at)s,
    detail = withheld.detail
from
    unnest(%(rows)s::bigint[], %(newsletter_statuses)s::text[], %(details)s::text[])
        as withheld (schedule_row_id, newsletter_status, detail)
where attempts.schedule_row_id = withheld.schedule_row_id and attempts.finished_at is null

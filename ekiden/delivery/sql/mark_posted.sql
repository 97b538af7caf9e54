-- Committed before the provider hears of a message: an attempt without this mark was surely never posted. Only the
-- holder of the claim may set it.
update outreach.attempts
set
    posted_at = %(now)s,
    to_address = posted.to_address,
    newsletter_status = posted.newsletter_status,
    consent_read_at = %(consent_read_at)s,
    content_hash = posted.content_hash
from
    unnest(
        %(rows)s::bigint[], %(addresses)s::text[], %(newsletter_statuses)s::text[], %(content_hashes)s::text[]
    ) as posted (schedule_row_id, to_address, newsletter_status, content_hash)
inner join outreach.schedule_rows as rows on posted.schedule_row_id = rows.schedule_row_id
where
    attempts.schedule_row_id = posted.schedule_row_id
    and attempts.attempt_no = rows.attempts
    and attempts.finished_at is null
    and rows.state = 'sending'
    and rows.claimed_by = %(dispatcher)s
returning attempts.schedule_row_id

-- T6, with the attempt it begins. It counts as posted from here on: the commit of this is the last thing before the
-- provider hears of the messages.
with outgoing as (
    select *
    from
        unnest(
            %(rows)s::bigint[], %(addresses)s::text[], %(newsletter_statuses)s::text[], %(content_hashes)s::text[]
        ) as posted (schedule_row_id, to_address, newsletter_status, content_hash)
),

claimed as (
    update outreach.schedule_rows as rows
    set
        state = 'sending',
        reason = null,
        claimed_by = %(dispatcher)s,
        claimed_at = %(now)s,
        attempts = rows.attempts + 1,
        state_changed_at = %(now)s
    from outgoing
    where rows.schedule_row_id = outgoing.schedule_row_id and rows.state = 'ready'
    returning
        rows.schedule_row_id,
        rows.attempts,
        rows.message_id,
        rows.send_at,
        outgoing.to_address,
        outgoing.newsletter_status,
        outgoing.content_hash
)

insert into outreach.attempts (
    schedule_row_id, attempt_no, message_id, channel_name, claimed_by, claimed_at, run_id, due_at, posted_at,
    to_address, newsletter_status, consent_read_at, content_hash
)
select
    schedule_row_id,
    attempts,
    message_id,
    %(channel_name)s,
    %(dispatcher)s,
    %(now)s,
    %(run_id)s,
    send_at,
    %(now)s,
    to_address,
    newsletter_status,
    %(now)s,
    content_hash
from claimed

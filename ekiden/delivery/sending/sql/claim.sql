-- T6, with the attempt it begins. What goes out counts as posted from here on: the commit of this is the last thing
-- before the provider hears of the messages. An attempt that is withheld ends as it begins.
with looked_at as (
    select *
    from
        unnest(
            %(rows)s::bigint[],
            %(newsletter_statuses)s::text[],
            %(addresses)s::text[],
            %(content_hashes)s::text[],
            %(details)s::text[]
        ) as found (schedule_row_id, newsletter_status, to_address, content_hash, detail)
),

claimed as (
    update outreach.schedule_rows as rows
    set
        state = 'sending',
        reason = null,
        claimed_by = %(sender)s,
        claimed_at = %(now)s,
        attempts = rows.attempts + 1,
        state_changed_at = %(now)s
    from looked_at
    where rows.schedule_row_id = looked_at.schedule_row_id and rows.state = 'ready'
    returning
        rows.schedule_row_id,
        rows.attempts,
        rows.message_id,
        rows.send_at,
        looked_at.newsletter_status,
        looked_at.to_address,
        looked_at.content_hash,
        looked_at.detail
)

insert into outreach.attempts (
    schedule_row_id, attempt_no, message_id, channel_name, claimed_by, claimed_at, run_id, due_at, posted_at,
    finished_at, outcome, newsletter_status, consent_read_at, to_address, content_hash, detail
)
select
    schedule_row_id,
    attempts,
    message_id,
    %(channel_name)s,
    %(sender)s,
    %(now)s,
    %(run_id)s,
    case when not %(withheld)s then send_at end,
    case when not %(withheld)s then %(now)s::timestamptz end,
    case when %(withheld)s then %(now)s::timestamptz end,
    case when %(withheld)s then 'withheld' end,
    newsletter_status,
    %(now)s,
    to_address,
    content_hash,
    detail
from claimed

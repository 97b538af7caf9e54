-- T6 of rows that the last look withholds: each has an attempt that ends as it begins.
with withheld as (
    select *
    from
        unnest(%(rows)s::bigint[], %(newsletter_statuses)s::text[], %(details)s::text[])
            as looked_at (schedule_row_id, newsletter_status, detail)
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
    from withheld
    where rows.schedule_row_id = withheld.schedule_row_id and rows.state = 'ready'
    returning rows.schedule_row_id, rows.attempts, rows.message_id, withheld.newsletter_status, withheld.detail
)

insert into outreach.attempts (
    schedule_row_id, attempt_no, message_id, channel_name, claimed_by, claimed_at, run_id, finished_at, outcome,
    newsletter_status, consent_read_at, detail
)
select
    schedule_row_id,
    attempts,
    message_id,
    %(channel_name)s,
    %(dispatcher)s,
    %(now)s,
    %(run_id)s,
    %(now)s,
    'withheld',
    newsletter_status,
    %(now)s,
    detail
from claimed

with requests as (
    select
        count(*) as requests,
        coalesce(sum(repeats), 0)::bigint as repeats,
        count(*) filter (where drained_at is null) as undrained,
        min(received_at) filter (where drained_at is null) as oldest_undrained_at,
        count(*) filter (where fault is not null) as faulty,
        coalesce(sum(unreadable_events), 0)::bigint as unreadable_events,
        max(received_at) as last_received_at
    from outreach.webhook_requests
),

events as (
    select
        count(*) as events,
        count(*) filter (
            where
            told.customer_id is null
            and told.kind <> 'account_status_change'
            -- what the shop's administrator is told is nobody's message, and ours
            and notices.message_id is null
        ) as strangers
    from outreach.delivery_events as told
    left join outreach.admin_notices as notices on told.message_id = notices.message_id
),

-- whoever called such a message not sent was wrong
contradictions as (
    select count(*) as contradictions
    from outreach.schedule_rows as rows
    where
        rows.state in ('ready', 'held', 'failed')
        and rows.attempts > 0
        and exists (
            select
            from outreach.delivery_events as told
            where
                told.message_id = rows.message_id
                -- whatever a provider tells of a message but a drop shows that it has it
                and told.kind <> 'dropped'
        )
)

select
    requests.requests,
    requests.repeats,
    requests.undrained,
    requests.oldest_undrained_at,
    requests.faulty,
    requests.unreadable_events,
    events.events,
    events.strangers,
    contradictions.contradictions,
    requests.last_received_at
from requests
cross join events
cross join contradictions

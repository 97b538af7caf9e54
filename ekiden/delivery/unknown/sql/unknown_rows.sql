-- Rows on their way with their evidence, the oldest first: so what nothing has settled in its time stands before the
-- rest.
with meant as (
    select
        *,
        coalesce(posted_at, claimed_at) as gone_at,
        standing = 'unknown' and posted_at <= {now} - {unknown_after} as past_limit,
        extract(epoch from {now} - coalesce(posted_at, claimed_at))::double precision / 3600 as hours
    from outreach.rows_on_their_way
    where {condition} and ({standings}::text[] is null or standing = any({standings}::text[]))
    order by gone_at, schedule_row_id
    limit {most}
)

select
    meant.scenario_code,
    meant.customer_id,
    meant.step_no,
    meant.due_date,
    meant.channel,
    meant.channel_name,
    meant.to_address,
    meant.standing,
    meant.past_limit,
    meant.hours,
    meant.claimed_at,
    meant.posted_at,
    meant.answered_at,
    meant.answer,
    coalesce(events.told, '') as events,
    coalesce(events.has_arrived, false) as has_arrived,
    meant.provider_message_id,
    meant.sender,
    meant.run_id,
    meant.dagster_run_id,
    meant.message_id,
    meant.schedule_row_id,
    meant.attempt_no
from meant
left join lateral (
    select
        -- whatever a provider tells of a message but a drop shows that it has it
        bool_or(told.kind <> 'dropped') as has_arrived,
        string_agg(
            told.kind || ' ' || to_char(told.happened_at, 'YYYY-MM-DD HH24:MI "UTC"'), ', ' order by told.happened_at
        ) as told
    from outreach.delivery_events as told
    where told.message_id = meant.message_id
) as events on true
order by meant.gone_at, meant.schedule_row_id

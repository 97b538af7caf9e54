-- Of the rows meant, those that were tried and whose message the provider has, with what it told of them.
with meant as (
    select *
    from {selection}
)

select
    meant.scenario_code,
    meant.customer_id,
    meant.step_no,
    meant.due_date,
    meant.state,
    meant.reason,
    events.told as events,
    meant.message_id,
    meant.schedule_row_id,
    count(*) over () as rows
from meant
inner join lateral (
    select
        string_agg(
            told.kind || ' ' || to_char(told.happened_at, 'YYYY-MM-DD HH24:MI "UTC"'), ', ' order by told.happened_at
        ) as told
    from outreach.delivery_events as told
    where told.message_id = meant.message_id
    -- whatever a provider tells of a message but a drop shows that it has it
    having bool_or(told.kind <> 'dropped')
) as events on true
where exists (select from outreach.attempts where attempts.schedule_row_id = meant.schedule_row_id)
order by meant.due_date, meant.schedule_row_id
limit {most}

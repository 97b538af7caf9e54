-- only the columns that are counted: dropping any other must not take this view with it
with messages as (
    select
        message_id,
        scenario_code,
        step_no,
        sent_on
    from {{ ref('message_history') }}
),

outcomes as (
    select
        message_id,
        delivered_at,
        first_opened_at,
        first_clicked_at
    from {{ ref('message_outcomes') }}
),

counts as (
    select
        messages.scenario_code,
        messages.step_no,
        messages.sent_on,
        count(*) as sent,
        -- what was opened was delivered, told or not
        count(coalesce(outcomes.delivered_at, outcomes.first_opened_at, outcomes.first_clicked_at)) as delivered,
        count(outcomes.first_opened_at) as opened,
        count(outcomes.first_clicked_at) as clicked
    from messages
    left join outcomes on messages.message_id = outcomes.message_id
    group by messages.scenario_code, messages.step_no, messages.sent_on
)

select
    scenario_code,
    step_no,
    sent_on,

    -- messages, each once
    sent,
    delivered,
    opened,
    clicked,

    -- shares of one
    round(delivered::numeric / sent, 4) as delivery_rate,
    round(opened::numeric / nullif(delivered, 0), 4) as open_rate,
    round(clicked::numeric / nullif(delivered, 0), 4) as click_rate
from counts

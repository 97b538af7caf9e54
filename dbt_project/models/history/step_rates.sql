with messages as (
    select * from {{ ref('message_history') }}
),

outcomes as (
    select * from {{ ref('message_outcomes') }}
),

counts as (
    select
        messages.scenario_code,
        messages.step_no,
        messages.sent_on,
        count(*) as sent,
        count(outcomes.delivered_at) as delivered,
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

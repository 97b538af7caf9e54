with schedule_rows as (
    select * from {{ source('outreach', 'schedule_rows') }}
),

scenarios as (
    select * from {{ source('outreach', 'scenarios') }}
),

transitions as (
    select * from {{ source('outreach', 'transitions') }}
    where subject = 'schedule_row'
)

select
    transitions.transition_id,

    -- the row
    scenarios.scenario_code,
    schedule_rows.customer_id,
    schedule_rows.step_no,
    schedule_rows.due_date,
    schedule_rows.schedule_row_id,
    schedule_rows.enrolment_id,

    -- what happened to it
    transitions.transition,
    nullif(transitions.from_state, '') as from_state,
    transitions.to_state,
    transitions.reason,
    transitions.actor_kind,
    transitions.actor,
    transitions.run_id,
    transitions.transitioned_at
from transitions
inner join schedule_rows on transitions.subject_id = schedule_rows.schedule_row_id
inner join scenarios on schedule_rows.scenario_id = scenarios.scenario_id

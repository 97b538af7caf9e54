with schedule_rows as (
    select * from {{ source('outreach', 'schedule_rows') }}
    where state <> 'deleted'
),

scenarios as (
    select * from {{ source('outreach', 'scenarios') }}
)

select
    scenarios.scenario_code,
    schedule_rows.step_no,
    schedule_rows.due_date,
    count(*) as planned,
    count(*) filter (where schedule_rows.state = 'sent') as sent,
    count(*) filter (where schedule_rows.state in ('ready', 'sending')) as waiting,
    count(*) filter (where schedule_rows.state = 'held') as held,
    count(*) filter (where schedule_rows.state = 'skipped') as skipped,
    count(*) filter (where schedule_rows.state = 'cancelled') as cancelled,
    count(*) filter (where schedule_rows.state in ('completed', 'blocked', 'failed')) as other
from schedule_rows
inner join scenarios on schedule_rows.scenario_id = scenarios.scenario_id
group by scenarios.scenario_code, schedule_rows.step_no, schedule_rows.due_date

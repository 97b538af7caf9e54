with enrolments as (
    select * from {{ source('outreach', 'enrolments') }}
),

scenarios as (
    select * from {{ source('outreach', 'scenarios') }}
),

versions as (
    select * from {{ source('outreach', 'scenario_versions') }}
),

open_rows as (
    select * from {{ source('outreach', 'schedule_rows') }}
    where state in ('ready', 'held', 'sending', 'failed')
),

awaited as (
    select
        enrolment_id,
        anchor_date
    from {{ source('outreach', 'first_rows_awaited') }}
),

first_steps as (
    select
        scenario_version_id,
        due_after_days
    from {{ source('outreach', 'scenario_version_steps') }}
    where step_no = 1
)

select
    enrolments.enrolment_id,

    -- who is in which scenario
    scenarios.scenario_code,
    scenarios.scenario_name,
    versions.version_no as scenario_version,
    enrolments.customer_id,

    -- how they came in
    enrolments.anchor_kind,
    enrolments.anchor_key,
    enrolments.anchor_at,
    enrolments.anchor_date,
    enrolments.entered_at,
    enrolments.plan_run_id,
    enrolments.partition_date as plan_partition_date,
    enrolments.eligibility_build_id,
    enrolments.eligibility_git_revision,

    -- how it stands
    enrolments.state,
    enrolments.exit_reason,
    enrolments.exited_at,

    -- what comes next
    open_rows.schedule_row_id as next_schedule_row_id,
    coalesce(open_rows.step_no, case when first_steps.scenario_version_id is not null then 1 end) as next_step_no,
    coalesce(open_rows.due_date, awaited.anchor_date + first_steps.due_after_days) as next_due_date,
    open_rows.state as next_row_state
from enrolments
inner join scenarios on enrolments.scenario_id = scenarios.scenario_id
inner join versions on enrolments.scenario_version_id = versions.scenario_version_id
left join open_rows on enrolments.enrolment_id = open_rows.enrolment_id
left join awaited on enrolments.enrolment_id = awaited.enrolment_id and enrolments.state = 'active'
-- the first row is made by the version of that day, which as far as is known is the current one
left join first_steps
    on awaited.enrolment_id is not null and scenarios.current_version_id = first_steps.scenario_version_id

with messages as (
    select * from {{ source('outreach', 'messages') }}
),

scenarios as (
    select * from {{ source('outreach', 'scenarios') }}
),

versions as (
    select * from {{ source('outreach', 'scenario_versions') }}
),

enrolments as (
    select * from {{ source('outreach', 'enrolments') }}
)

select
    messages.message_id,

    -- what was sent
    scenarios.scenario_code,
    scenarios.scenario_name,
    versions.version_no as scenario_version,
    messages.step_no,
    messages.channel,
    messages.channel_name,
    messages.content_hash,
    messages.provider_message_id,

    -- to whom, and why
    messages.customer_id,
    messages.anchor_kind,
    messages.anchor_key,
    messages.anchor_date,
    messages.newsletter_status,
    messages.consent_read_at,
    enrolments.entered_at,

    -- when
    messages.due_date,
    messages.planned_send_at,
    messages.send_at,
    messages.sent_at,
    {{ local_date('messages.sent_at') }} as sent_on,
    -- messages of before this was kept count from the time of their last try
    coalesce(messages.due_at, messages.send_at) as due_at,
    -- no list waits for its step's time
    case
        when messages.channel_name <> 'export' then messages.sent_at - coalesce(messages.due_at, messages.send_at)
    end as latency,
    messages.released_at,
    messages.released_by,

    -- by which runs
    messages.plan_run_id,
    messages.plan_partition_date,
    messages.send_run_id,
    messages.eligibility_build_id,
    messages.eligibility_git_revision,
    messages.schedule_row_id,
    messages.enrolment_id
from messages
inner join scenarios on messages.scenario_id = scenarios.scenario_id
inner join versions on messages.scenario_version_id = versions.scenario_version_id
inner join enrolments on messages.enrolment_id = enrolments.enrolment_id

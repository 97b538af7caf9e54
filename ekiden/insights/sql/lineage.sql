-- One message and everything it can be traced by; the order's lines where the anchor is an order.
select
    messages.message_id,
    scenarios.scenario_code,
    scenarios.scenario_name,
    versions.version_no as scenario_version,
    messages.step_no,
    messages.channel,
    messages.channel_name,
    messages.customer_id,
    messages.to_address,
    messages.newsletter_status,
    messages.consent_read_at,
    messages.consent_evidence,
    messages.content_hash,
    steps.content,
    messages.provider_message_id,
    messages.anchor_kind,
    messages.anchor_key,
    messages.anchor_date,
    messages.due_date,
    messages.planned_send_at,
    messages.send_at,
    messages.sent_at,
    messages.released_at,
    messages.released_by,
    messages.schedule_row_id,
    messages.enrolment_id,
    enrolments.entered_at,
    messages.plan_run_id,
    messages.plan_partition_date,
    plan_runs.dagster_run_id as plan_dagster_run_id,
    messages.send_run_id,
    send_runs.dagster_run_id as send_dagster_run_id,
    files.file_name as list_file,
    messages.eligibility_build_id,
    messages.eligibility_git_revision
from outreach.messages
inner join outreach.scenarios on messages.scenario_id = scenarios.scenario_id
inner join outreach.scenario_versions as versions on messages.scenario_version_id = versions.scenario_version_id
inner join outreach.scenario_version_steps as steps
    on messages.scenario_version_id = steps.scenario_version_id and messages.step_no = steps.step_no
inner join outreach.enrolments on messages.enrolment_id = enrolments.enrolment_id
inner join outreach.runs as plan_runs on messages.plan_run_id = plan_runs.run_id
inner join outreach.runs as send_runs on messages.send_run_id = send_runs.run_id
-- a list that was written again has files of the same people: this one is the list's own
left join outreach.exported_files as files
    on
        messages.channel_name = 'export'
        and messages.send_run_id = files.list_run_id
        and files.list_run_id = files.run_id
where messages.message_id = %(message_id)s

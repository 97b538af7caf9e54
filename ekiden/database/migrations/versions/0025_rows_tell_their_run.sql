-- What one run made is found by the run that a row names. Asked by a list of its rows instead, the rows of a first
-- plan, of which nothing is known yet, were compared each with each.
create or replace view outreach.operator_rows as
select
    scenarios.scenario_code,
    rows.customer_id,
    rows.step_no,
    rows.due_date,
    rows.state,
    states.label_ja as state_ja,
    rows.reason,
    rows.send_at,
    rows.sent_at,
    rows.planned_send_at,
    rows.channel,
    rows.released_at,
    rows.released_by,
    enrolments.anchor_kind,
    enrolments.anchor_key,
    enrolments.anchor_date,
    enrolments.state as enrolment_state,
    enrolments.exit_reason,
    versions.version_no as scenario_version,
    rows.partition_date,
    rows.message_id,
    rows.schedule_row_id,
    rows.enrolment_id,
    rows.scenario_id,
    rows.state_changed_at,
    rows.run_id
from outreach.schedule_rows as rows
inner join outreach.enrolments as enrolments on rows.enrolment_id = enrolments.enrolment_id
inner join outreach.scenarios as scenarios on rows.scenario_id = scenarios.scenario_id
inner join outreach.scenario_versions as versions on rows.scenario_version_id = versions.scenario_version_id
inner join outreach.schedule_row_states as states on rows.state = states.state
where rows.state <> 'deleted';

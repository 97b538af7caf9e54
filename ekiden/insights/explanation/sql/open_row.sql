-- One open row as a sender reads it before its claim (lock_due.sql), and what of its version says where it may go.
select
    rows.schedule_row_id,
    rows.enrolment_id,
    rows.scenario_version_id,
    rows.customer_id,
    enrolments.anchor_kind,
    enrolments.anchor_key,
    greatest(rows.planned_send_at, rows.created_at) as due_since,
    rows.released_at is not null as was_released,
    step_states.state = 'force_stopped' as is_force_stopped,
    enrolments.state = 'active' as is_active,
    scenarios.relation_name,
    versions.live_function,
    versions.consent_recheck,
    versions.definition -> 'address_policy' as address_policy
from outreach.schedule_rows as rows
inner join outreach.enrolments on rows.enrolment_id = enrolments.enrolment_id
inner join outreach.scenarios on rows.scenario_id = scenarios.scenario_id
inner join outreach.scenario_versions as versions on rows.scenario_version_id = versions.scenario_version_id
inner join outreach.scenario_steps as step_states
    on rows.scenario_id = step_states.scenario_id and rows.step_no = step_states.step_no
where rows.schedule_row_id = %(schedule_row_id)s

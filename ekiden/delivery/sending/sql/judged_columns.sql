-- What a last look judges of one row, as a part of queries that have it as `rows` and its scenario as `scenarios`.
-- noqa: disable=RF01
select
    rows.schedule_row_id,
    rows.enrolment_id,
    rows.scenario_version_id,
    rows.customer_id,
    enrolments.anchor_kind,
    enrolments.anchor_key,
    -- since when it waits: a retry does not make a message young again
    greatest(rows.planned_send_at, rows.created_at) as due_since,
    rows.released_at is not null as was_released,
    step_states.state = 'force_stopped' as is_force_stopped,
    enrolments.state = 'active' as is_active,
    make_interval(mins => scenarios.max_lateness_minutes) as max_lateness,
    scenarios.relation_name,
    versions.live_function
from outreach.enrolments
inner join outreach.scenario_versions as versions on rows.scenario_version_id = versions.scenario_version_id
inner join outreach.scenario_steps as step_states
    on rows.scenario_id = step_states.scenario_id and rows.step_no = step_states.step_no
where rows.enrolment_id = enrolments.enrolment_id

-- The next of the locked rows, as a claim looks at them.
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
    rows.channel
from pg_temp.due_lists
inner join outreach.schedule_rows as rows on due_lists.schedule_row_id = rows.schedule_row_id
inner join outreach.enrolments on rows.enrolment_id = enrolments.enrolment_id
inner join outreach.scenarios on rows.scenario_id = scenarios.scenario_id
inner join outreach.scenario_versions as versions on rows.scenario_version_id = versions.scenario_version_id
inner join outreach.scenario_steps as step_states
    on rows.scenario_id = step_states.scenario_id and rows.step_no = step_states.step_no
where due_lists.schedule_row_id > %(after)s
order by due_lists.schedule_row_id -- noqa: PRS
limit %(page)s

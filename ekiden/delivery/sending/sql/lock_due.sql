-- The next rows to send, locked: whoever else is sending takes others.
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
    scenarios.relation_name,
    versions.live_function
from outreach.schedule_rows as rows
inner join outreach.enrolments on rows.enrolment_id = enrolments.enrolment_id
inner join outreach.sending_scenarios as scenarios on rows.scenario_id = scenarios.scenario_id
inner join outreach.scenario_versions as versions on rows.scenario_version_id = versions.scenario_version_id
inner join outreach.scenario_version_steps as steps
    on rows.scenario_version_id = steps.scenario_version_id and rows.step_no = steps.step_no
inner join outreach.scenario_steps as step_states
    on rows.scenario_id = step_states.scenario_id and rows.step_no = step_states.step_no
where
    rows.state = 'ready'
    and rows.send_at <= %(now)s
    and rows.channel = any(%(channels)s)
    and steps.content <> all(%(broken_contents)s::text[])
    and (%(due_date)s::date is null or rows.due_date = %(due_date)s)
order by rows.send_at, rows.schedule_row_id -- noqa: PRS
limit %(batch_size)s
for update of rows skip locked

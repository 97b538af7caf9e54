-- A scenario's enrolments and what comes next in each: the open row, or step 1 where no row is made yet. For BI tools
-- `history.enrolment_history` (dbt_project/models/history) says the same of all scenarios.
select
    enrolments.customer_id,
    enrolments.entered_at,
    enrolments.anchor_kind,
    enrolments.anchor_key,
    enrolments.anchor_at,
    enrolments.anchor_date,
    enrolments.state,
    states.label_ja as state_ja,
    enrolments.exit_reason,
    enrolments.exited_at,
    coalesce(open_rows.step_no, first_steps.step_no) as next_step_no,
    coalesce(open_rows.due_date, awaited.anchor_date + first_steps.due_after_days) as next_due_date,
    open_rows.state as next_row_state,
    versions.version_no as scenario_version,
    enrolments.plan_run_id,
    enrolments.enrolment_id
from outreach.enrolments
inner join outreach.scenarios on enrolments.scenario_id = scenarios.scenario_id
inner join outreach.enrolment_states as states on enrolments.state = states.state
inner join outreach.scenario_versions as versions on enrolments.scenario_version_id = versions.scenario_version_id
left join outreach.schedule_rows as open_rows
    on enrolments.enrolment_id = open_rows.enrolment_id and open_rows.state = any(%(open_states)s)
left join outreach.first_rows_awaited as awaited
    on enrolments.enrolment_id = awaited.enrolment_id and enrolments.state = 'active'
-- the first row is made by the version of that day, which as far as is known is the current one
left join outreach.scenario_version_steps as first_steps
    on
        awaited.enrolment_id is not null
        and scenarios.current_version_id = first_steps.scenario_version_id
        and first_steps.step_no = 1
where
    scenarios.scenario_code = %(scenario_code)s
    and enrolments.state = any(%(states)s)
order by enrolments.entered_at desc, enrolments.enrolment_id desc
limit %(limit)s

-- The next rows, and E2, E4, E6: an enrolment whose chain goes no further ends here. One statement: of a
-- version that a plan makes meanwhile, both see the steps or neither, so that nobody is ended before a step that was
-- not looked at. Completed is only whose last step was sent.
with created as (
    {create_rows}
    returning enrolment_id
),

finished as (
    select
        rows.enrolment_id,
        case
            when step_states.state = 'force_stopped' then 'force_stopped'
            when next_step.step_no is null and rows.state = 'sent' then null
            else 'step_not_sent'
        end as exit_reason
    from outreach.schedule_rows as rows
    inner join outreach.scenarios on rows.scenario_id = scenarios.scenario_id
    left join outreach.scenario_version_steps as next_step
        on scenarios.current_version_id = next_step.scenario_version_id and rows.step_no + 1 = next_step.step_no
    left join outreach.scenario_steps as step_states
        on rows.scenario_id = step_states.scenario_id and next_step.step_no = step_states.step_no
    where
        rows.schedule_row_id = any(%(rows)s)
        and rows.enrolment_id not in (select created.enrolment_id from created)
        and not exists (
            select
            from outreach.schedule_rows as open_rows
            where
                open_rows.enrolment_id = rows.enrolment_id
                and open_rows.state in ('ready', 'held', 'sending', 'failed')
        )
)

update outreach.enrolments
set
    state = case when finished.exit_reason is null then 'completed' else 'stopped' end,
    exit_reason = finished.exit_reason,
    exited_at = %(now)s
from finished
where enrolments.enrolment_id = finished.enrolment_id and enrolments.state = 'active'

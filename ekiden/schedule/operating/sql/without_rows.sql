-- Who is in a scenario and waits for the row of step 1, and whom a person took out of it before there was one; with
-- the day that step 1 is due.
select
    found.*,
    found.anchor_date + steps.due_after_days as due_date
from (
    select
        'waiting' as standing,
        enrolments.enrolment_id,
        scenarios.scenario_code,
        scenarios.current_version_id,
        enrolments.customer_id,
        enrolments.anchor_kind,
        enrolments.anchor_key,
        enrolments.anchor_date
    from outreach.first_rows_awaited as awaited
    inner join outreach.enrolments on awaited.enrolment_id = enrolments.enrolment_id
    inner join outreach.scenarios on enrolments.scenario_id = scenarios.scenario_id
    where enrolments.state = 'active'
    union all
    select
        case enrolments.exit_reason when 'blocked' then 'blocked' else 'completed' end as standing,
        enrolments.enrolment_id,
        scenarios.scenario_code,
        scenarios.current_version_id,
        enrolments.customer_id,
        enrolments.anchor_kind,
        enrolments.anchor_key,
        enrolments.anchor_date
    from outreach.enrolments
    inner join outreach.scenarios on enrolments.scenario_id = scenarios.scenario_id
    where
        enrolments.state = 'stopped'
        and enrolments.exit_reason in ('blocked', 'manual_complete')
        -- whoever asks for those alone who wait reads none of the others, who become more and more
        and {who_left_too}
        and not exists (
            select
            from outreach.schedule_rows as rows
            -- of rows that are all deleted nobody is left in a scenario, nor out of it
            where rows.enrolment_id = enrolments.enrolment_id and rows.state <> 'deleted'
        )
) as found
left join outreach.scenario_version_steps as steps
    on found.current_version_id = steps.scenario_version_id and steps.step_no = 1

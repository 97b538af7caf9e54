-- Active enrolments without any row wait for their first step: those of this run, and those that came before it was
-- due. Who has no row is known, and not looked for: a scan of the rows would read again and again what is being
-- inserted.
select
    enrolments.enrolment_id,
    1 as step_no,
    enrolments.anchor_date as previous_date,
    false as follows_a_step
from (
    select entered.enrolment_id from pg_temp.entered
    union all
    select awaited.enrolment_id
    from outreach.first_rows_awaited as awaited
    inner join outreach.scenarios on awaited.scenario_id = scenarios.scenario_id
    inner join outreach.scenario_version_steps as steps
        on scenarios.current_version_id = steps.scenario_version_id and steps.step_no = 1
    where
        -- so that who waits for months is not read every day
        awaited.anchor_date <= %(last_day)s::date - steps.due_after_days
) as rowless
inner join outreach.enrolments on rowless.enrolment_id = enrolments.enrolment_id
where
    enrolments.state = 'active'
    and (%(scenario_ids)s::bigint[] is null or enrolments.scenario_id = any(%(scenario_ids)s))

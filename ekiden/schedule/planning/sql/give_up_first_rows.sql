-- E6: who waits for a first row that never comes, because its date has passed and the scenario leaves out such steps,
-- or because its date has come and is outside the period, which was moved since. Their enrolments would be read again
-- in every plan, and would keep them out of exclusive scenarios for good.
with due as (
    select
        awaited.enrolment_id,
        awaited.anchor_date + steps.due_after_days as due_date,
        versions.past_date_policy,
        versions.period_from,
        versions.period_to
    from outreach.first_rows_awaited as awaited
    inner join outreach.scenarios on awaited.scenario_id = scenarios.scenario_id
    inner join outreach.scenario_versions as versions on scenarios.current_version_id = versions.scenario_version_id
    inner join outreach.scenario_version_steps as steps
        on versions.scenario_version_id = steps.scenario_version_id and steps.step_no = 1
    where
        (%(scenario_ids)s::bigint[] is null or scenarios.scenario_id = any(%(scenario_ids)s))
        -- as `create_rows`: of a scenario that is frozen nothing is decided
        and scenarios.may_send
),

given_up as (
    delete from outreach.first_rows_awaited as awaited
    using due
    where
        awaited.enrolment_id = due.enrolment_id
        and due.due_date <= %(last_day)s::date
        and (
            (due.past_date_policy = 'skip' and due.due_date < %(today)s::date)
            or due.due_date < due.period_from
            or due.due_date > due.period_to
        )
    returning awaited.enrolment_id
)

update outreach.enrolments
set state = 'stopped', exit_reason = 'step_not_sent', exited_at = %(now)s
from given_up
where enrolments.enrolment_id = given_up.enrolment_id and enrolments.state = 'active'

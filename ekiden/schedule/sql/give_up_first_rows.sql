-- E6: who waits for a first row that never comes, because its date has passed and the scenario leaves out such steps.
-- Their enrolments would be read again in every plan, and would keep them out of exclusive scenarios for good.
with given_up as (
    delete from outreach.first_rows_awaited as awaited
    using outreach.scenarios, outreach.scenario_versions as versions, outreach.scenario_version_steps as steps
    where
        awaited.scenario_id = scenarios.scenario_id
        and scenarios.current_version_id = versions.scenario_version_id
        and versions.scenario_version_id = steps.scenario_version_id
        and steps.step_no = 1
        and (%(scenario_ids)s::bigint[] is null or scenarios.scenario_id = any(%(scenario_ids)s))
        -- as `births`: of a scenario that is frozen nothing is decided
        and scenarios.may_send
        and versions.past_date_policy = 'skip'
        and awaited.anchor_date
        + steps.offset_days
        + case when steps.offset_days = 0 and versions.zero_day = 'next_day' then 1 else 0 end
        < least(%(today)s::date, %(last_day)s::date + 1)
    returning awaited.enrolment_id
)

update outreach.enrolments
set state = 'stopped', exit_reason = 'step_not_sent', exited_at = %(now)s
from given_up
where enrolments.enrolment_id = given_up.enrolment_id and enrolments.state = 'active'

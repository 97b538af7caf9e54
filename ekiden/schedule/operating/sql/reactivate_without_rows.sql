-- E10: step 1 is waited for again. As with rows (`reopen`), not into an exclusive scenario while the customer is in
-- another one; of several that are reopened together, the latest.
update outreach.enrolments
set state = 'active', exit_reason = null, exited_at = null, left_at = null
from pg_temp.chosen_without_rows as chosen
where
    enrolments.enrolment_id = chosen.enrolment_id
    and enrolments.state = 'stopped'
    and enrolments.exit_reason = 'blocked'
    and not exists (
        select
        from outreach.exclusive_enrolments as own
        inner join outreach.exclusive_enrolments as other
            on own.customer_id = other.customer_id and own.scenario_id <> other.scenario_id
        left join pg_temp.chosen_without_rows as reopened_too on other.enrolment_id = reopened_too.enrolment_id
        where
            own.enrolment_id = enrolments.enrolment_id
            and (
                other.state = 'active'
                or (other.enrolment_id > own.enrolment_id and reopened_too.enrolment_id is not null)
            )
    )

-- T14: only while nothing was sent for a later step, which is so because a row is made when it is due; and not into an
-- exclusive scenario while the customer is in another one, which let them in meanwhile; of several that are reopened
-- together, the latest.
update outreach.schedule_rows as rows
set state = 'held', reason = %(reason)s, send_at = null, state_changed_at = %(now)s
from pg_temp.chosen_rows as chosen, outreach.enrolments
where
    rows.schedule_row_id = chosen.schedule_row_id
    and rows.state = 'blocked'
    and rows.enrolment_id = enrolments.enrolment_id
    and enrolments.exit_reason = 'blocked'
    and not exists (
        select
        from outreach.exclusive_enrolments as own
        inner join outreach.exclusive_enrolments as other
            on own.customer_id = other.customer_id and own.scenario_id <> other.scenario_id
        left join pg_temp.chosen_rows as reopened_too
            on other.enrolment_id = reopened_too.enrolment_id and reopened_too.state = 'blocked'
        where
            own.enrolment_id = rows.enrolment_id
            and (
                other.state = 'active'
                or (other.enrolment_id > own.enrolment_id and reopened_too.schedule_row_id is not null)
            )
    )

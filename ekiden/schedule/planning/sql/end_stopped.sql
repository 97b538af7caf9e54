-- E3, E4: the enrolment ends with the reason of its rows.
update outreach.enrolments
set state = 'stopped', exit_reason = stops.reason, exited_at = %(now)s, left_at = stops.left_at
from pg_temp.stops
where
    enrolments.enrolment_id = stops.enrolment_id
    and enrolments.state = 'active'
    -- a row that a sender claimed since it was found is left to it, and so is its enrolment
    and not exists (
        select
        from outreach.schedule_rows as open_rows
        where
            open_rows.enrolment_id = enrolments.enrolment_id
            and open_rows.state in ('ready', 'held', 'sending', 'failed')
    )

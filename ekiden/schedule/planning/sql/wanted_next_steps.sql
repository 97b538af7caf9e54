-- The step after each of the given rows.
select
    rows.enrolment_id,
    rows.step_no + 1 as step_no,
    (%(now)s::timestamptz at time zone %(time_zone)s)::date as previous_date,
    true as follows_a_step
from outreach.schedule_rows as rows
inner join outreach.enrolments on rows.enrolment_id = enrolments.enrolment_id and enrolments.state = 'active'
where rows.schedule_row_id = any(%(rows)s)

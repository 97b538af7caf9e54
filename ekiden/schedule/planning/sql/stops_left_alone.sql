-- Enrolments of this run that are to be stopped and were not, as their rows are on their way, or as nobody has checked
-- the table that says so.
select
    stoppable.scenario_id,
    stoppable.customer_id
from pg_temp.left_alone
inner join pg_temp.stoppable on left_alone.enrolment_id = stoppable.enrolment_id
union
select
    enrolments.scenario_id,
    enrolments.customer_id
from pg_temp.stops
inner join outreach.enrolments on stops.enrolment_id = enrolments.enrolment_id and enrolments.state = 'active'

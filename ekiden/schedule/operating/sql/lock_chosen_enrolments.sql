-- Two people may delete the last rows of one enrolment at once: whoever comes second waits here, and sees in its next
-- statement that the other row is gone. In the order of their ids, so that they do not wait for each other.
select
from outreach.enrolments
where enrolments.enrolment_id in (select chosen.enrolment_id from pg_temp.chosen_rows as chosen)
order by enrolments.enrolment_id
for no key update

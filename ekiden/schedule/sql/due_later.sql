-- Held rows whose day is still to come: released, they would go out before it (T3).
select count(*)
from {selection}
where state = 'held' and due_date > {today} and enrolment_state = 'active'

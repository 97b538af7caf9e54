-- Held messages whose day is still to come: released, they would go out before it (T3). A list has nobody before their
-- day (T11).
select count(*)
from {selection}
where state = 'held' and due_date > {today} and enrolment_state = 'active' and channel <> all({exported_channels})

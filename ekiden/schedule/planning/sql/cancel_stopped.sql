-- T15: what was not sent yet is cancelled.
update outreach.schedule_rows as rows
set state = 'cancelled', reason = stops.reason, state_changed_at = %(now)s
from pg_temp.stops
where rows.enrolment_id = stops.enrolment_id and rows.state in ('ready', 'held')

select distinct about
from outreach.delivery_events
where delivery_event_id = any(%(events)s) and kind = 'account_status_change'
order by about

update outreach.webhook_requests as requests
set
    drained_at = %(now)s,
    events = drained.events,
    unreadable_events = drained.unreadable_events,
    fault = drained.fault
from
    unnest(%(requests)s::bigint[], %(events)s::integer[], %(unreadable_events)s::integer[], %(faults)s::text[])
        as drained (request_id, events, unreadable_events, fault)
where requests.request_id = drained.request_id

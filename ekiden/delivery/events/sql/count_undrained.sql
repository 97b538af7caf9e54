select
    count(*),
    min(received_at)
from outreach.webhook_requests
where drained_at is null

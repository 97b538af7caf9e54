select
    provider,
    reason,
    sum(requests)::bigint as requests,
    max(last_refused_at) as last_refused_at
from outreach.webhook_refusals
group by provider, reason
order by provider, reason

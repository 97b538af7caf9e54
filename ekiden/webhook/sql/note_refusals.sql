insert into outreach.webhook_refusals (provider, refused_on, reason, requests, last_refused_at)
select
    %(provider)s as provider,
    (%(now)s::timestamptz at time zone 'UTC')::date as refused_on,
    noted.reason,
    noted.requests,
    %(now)s::timestamptz as last_refused_at
from unnest(%(reasons)s::text[], %(requests)s::bigint[]) as noted (reason, requests)
order by noted.reason
on conflict (provider, refused_on, reason) do update
    set
        requests = webhook_refusals.requests + excluded.requests,
        last_refused_at = greatest(webhook_refusals.last_refused_at, excluded.last_refused_at)

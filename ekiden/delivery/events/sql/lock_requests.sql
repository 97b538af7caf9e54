-- The oldest requests that nobody drains at this moment.
select
    request_id,
    body,
    received_at
from outreach.webhook_requests
where drained_at is null and provider = %(provider)s
order by request_id -- noqa: PRS
limit %(requests)s
for update skip locked

-- Some at a time: a body is some kilobytes to write out of.
update outreach.webhook_requests
set body = null
where request_id in (
    select request_id
    from outreach.webhook_requests
    where body is not null and drained_at is not null and received_at < %(received_before)s
    order by received_at
    limit 1000
    for update skip locked
)

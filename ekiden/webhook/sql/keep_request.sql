-- A body that is known is counted and not kept again, whoever commits first.
insert into outreach.webhook_requests (
    provider, body_sha256, body, signed_at, received_at, fault, drained_at, events, unreadable_events
)
values (
    %(provider)s,
    %(body_sha256)s,
    %(body)s,
    %(signed_at)s,
    %(received_at)s,
    %(fault)s,
    -- nothing is to be drained from what cannot be read
    case when %(fault)s::text is not null then %(received_at)s::timestamptz end,
    case when %(fault)s::text is not null then 0 end,
    case when %(fault)s::text is not null then 0 end
)
on conflict (provider, body_sha256) do update set repeats = webhook_requests.repeats + 1
returning repeats

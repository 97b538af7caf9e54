-- Whether the administrator may be told now: the last notice is long enough ago, and nobody is sending.
select
    not exists (select from outreach.admin_notices where noted_at > %(now)s - %(gap)s::interval)
    and not exists (
        select
        from outreach.dispatchers
        where ended_at is null and lease_until > now() and outreach.dispatcher_has_a_session(number)
    )

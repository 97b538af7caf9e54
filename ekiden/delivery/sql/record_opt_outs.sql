insert into outreach.opt_outs (
    customer_id, address, channel, site, opted_out_at, reason, message_id, source, recorded_by
)
select
    told.customer_id,
    -- the server may know of capital letters that Python has not heard of yet
    lower(told.address),
    told.channel,
    told.site,
    coalesce(told.opted_out_at, %(now)s),
    told.reason,
    told.message_id,
    %(source)s,
    %(recorded_by)s
from
    unnest(
        %(customers)s::text[],
        %(addresses)s::text[],
        %(channels)s::text[],
        %(sites)s::text[],
        %(times)s::timestamptz[],
        %(reasons)s::text[],
        %(messages)s::uuid[]
    ) as told (customer_id, address, channel, site, opted_out_at, reason, message_id)
where
    -- what was asked before it was withdrawn is no news: a file or a provider's list may tell it again. What has no
    -- time of its own is asked now, and news even where the clock of whoever withdrew is ahead of ours
    not exists (
        select
        from outreach.opt_outs as known
        where
            known.withdrawn_at >= told.opted_out_at
            and coalesce(known.channel, '') = coalesce(told.channel, '')
            and coalesce(known.site, '') = coalesce(told.site, '')
            -- whoever is named now was named then: few have been withdrawn, each by a person
            and (told.customer_id is null or known.customer_id = told.customer_id)
            and (told.address is null or known.address = lower(told.address))
    )
-- the same order in every session: two that record the same people wait for each other, and do not lock up
order by told.customer_id, lower(told.address), told.channel, told.site
on conflict do nothing

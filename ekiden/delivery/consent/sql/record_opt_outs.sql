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
        %(as_written)s::text[],
        %(channels)s::text[],
        %(sites)s::text[],
        %(times)s::timestamptz[],
        %(reasons)s::text[],
        %(messages)s::uuid[]
    ) as told (customer_id, address, as_written, channel, site, opted_out_at, reason, message_id)
where
    -- what was asked before it was withdrawn is no news: a file or a provider's list may tell it again. What has no
    -- time of its own is asked now, and news even where the clock of whoever withdrew is ahead of ours. Who is named
    -- now was named then; customers and addresses are looked for apart: each is found by an index or a hash of its own,
    -- and with an `or` between them each would be compared with all
    not exists (
        select
        from outreach.opt_outs as known
        where
            known.withdrawn_at is not null
            and known.withdrawn_at >= told.opted_out_at
            and known.customer_id = told.customer_id
            and coalesce(known.channel, '') = coalesce(told.channel, '')
            and coalesce(known.site, '') = coalesce(told.site, '')
            and (told.address is null or known.address in (lower(told.address), lower(told.as_written)))
    )
    and not exists (
        select
        from outreach.opt_outs as known
        where
            told.customer_id is null
            and known.withdrawn_at is not null
            and known.withdrawn_at >= told.opted_out_at
            and known.address = lower(told.address)
            and coalesce(known.channel, '') = coalesce(told.channel, '')
            and coalesce(known.site, '') = coalesce(told.site, '')
    )
    -- an older entry holds a telephone number as it was written
    and not exists (
        select
        from outreach.opt_outs as known
        where
            told.customer_id is null
            and told.as_written <> told.address
            and known.withdrawn_at is not null
            and known.withdrawn_at >= told.opted_out_at
            and known.address = lower(told.as_written)
            and coalesce(known.channel, '') = coalesce(told.channel, '')
            and coalesce(known.site, '') = coalesce(told.site, '')
    )
-- the same order in every session: two that record the same people wait for each other, and do not lock up. That holds
-- within one statement; who records more than one in a transaction repeats it where the database ends it
order by told.customer_id, lower(told.address), told.channel, told.site, told.opted_out_at
on conflict do nothing

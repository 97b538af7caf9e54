-- What we know of an address already stays as it is.
insert into outreach.suppression_list (address, reason, source, suppressed_at)
select
    -- the server may know of capital letters that Python has not heard of yet
    lower(listed.address) as address,
    %(reason)s,
    %(source)s,
    min(listed.since)
from unnest(%(addresses)s::text[], %(times)s::timestamptz[]) as listed (address, since)
group by lower(listed.address)
-- the same order in every session: two that read the same list wait for each other, and do not lock up
order by lower(listed.address)
on conflict (address) where customer_id is null do nothing

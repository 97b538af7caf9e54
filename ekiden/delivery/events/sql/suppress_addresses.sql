-- The earliest reason stays, whichever was told first; entries of other sources stay as they are.
with objections as (
    {found}
)

insert into outreach.suppression_list (address, reason, source, suppressed_at)
select distinct on (address)
    address,
    reason,
    %(provider)s as source,
    happened_at as suppressed_at
from objections
where reason is not null and address is not null
order by address, happened_at, reason
on conflict (address) where customer_id is null do update
    set reason = excluded.reason, suppressed_at = excluded.suppressed_at
    where
    suppression_list.source = excluded.source
    and (excluded.suppressed_at, excluded.reason) < (suppression_list.suppressed_at, suppression_list.reason)
returning suppression_id

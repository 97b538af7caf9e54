-- Who has complained or opted out meant it as a person, not as one of two addresses.
with objections as (
    {found}
)

insert into outreach.suppression_list (customer_id, reason, source, suppressed_at)
select distinct on (customer_id)
    customer_id,
    reason,
    %(provider)s as source,
    happened_at as suppressed_at
from objections
where reason in ('unsubscribed', 'complained') and customer_id is not null
order by customer_id, happened_at, reason
on conflict (customer_id) where address is null do update
    set reason = excluded.reason, suppressed_at = excluded.suppressed_at
    where
    suppression_list.source = excluded.source
    and (excluded.suppressed_at, excluded.reason) < (suppression_list.suppressed_at, suppression_list.reason)
returning suppression_id

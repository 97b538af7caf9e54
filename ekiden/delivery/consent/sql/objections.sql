-- Everything that stands against writing to these customers or to these addresses: entries of the suppression list and
-- open opt-outs, of whatever channel and site.
select
    'suppressions' as kind,
    suppression_id as entry_id,
    customer_id,
    null::text as address,
    reason,
    null::text as channel,
    null::text as site,
    suppressed_at as since
from outreach.suppression_list
-- an entry with both is one of the address
where customer_id = any(%(customers)s) and address is null
union all
select
    'suppressions' as kind,
    suppression_id as entry_id,
    null::text as customer_id,
    address,
    reason,
    null::text as channel,
    null::text as site,
    suppressed_at as since
from outreach.suppression_list
where address = any(%(addresses)s)
union all
select
    'opt_outs' as kind,
    opt_out_id as entry_id,
    customer_id,
    null::text as address,
    null::text as reason,
    channel,
    site,
    opted_out_at as since
from outreach.opt_outs
where customer_id = any(%(customers)s) and withdrawn_at is null
union all
select
    'opt_outs' as kind,
    opt_out_id as entry_id,
    null::text as customer_id,
    address,
    null::text as reason,
    channel,
    site,
    opted_out_at as since
from outreach.opt_outs
where address = any(%(addresses)s) and withdrawn_at is null

-- Whom the next sweep looks at whatever happens; `found` yields scenario_id and customer_id.
with found as materialized (
    {found}
),

done_with as (
    delete from outreach.carried_over as carried
    where
        carried.part = %(part)s
        and (%(scenario_ids)s::bigint[] is null or carried.scenario_id = any(%(scenario_ids)s))
        and not exists (
            select
            from found
            where found.scenario_id = carried.scenario_id and found.customer_id = carried.customer_id
        )
)

insert into outreach.carried_over (scenario_id, part, customer_id)
select
    scenario_id,
    %(part)s,
    customer_id
from found
on conflict do nothing

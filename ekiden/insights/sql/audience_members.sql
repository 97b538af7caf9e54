-- The audience one by one.
with audience as (
    {query}
)

select
    customer_id,
    anchor_kind,
    anchor_key,
    anchor_at,
    anchor_date,
    due_date,
    standing
from audience
order by
    -- whom the question is about first
    case standing when 'may_enter' then 1 when 'enrolled' then 2 else 3 end,
    due_date,
    customer_id,
    anchor_key
limit %(limit)s

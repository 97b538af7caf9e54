-- The anchors of one definition, and how they stand at the instant.
create temporary table {name} on commit drop as
with eligibility as (
    {query}
)

select
    customer_id,
    anchor_kind,
    anchor_key,
    anchor_date,
    entry_during @> {at}::timestamptz and not stop_during @> {at}::timestamptz as may_enter,
    stop_during @> {at}::timestamptz as is_stopped
from eligibility

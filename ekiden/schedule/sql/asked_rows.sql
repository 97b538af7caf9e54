-- The rows whose customers are asked about, set aside: with statistics of their own, the joins that follow are sized by
-- what is there, also right after a plan made it.
create temporary table asked_rows on commit drop as
with found as (
    select * from {selection}
)

select
    operator_rows.schedule_row_id,
    operator_rows.scenario_code,
    operator_rows.customer_id,
    operator_rows.step_no,
    operator_rows.state,
    case when operator_rows.state = 'held' then ({hold_reason}) end as hold_reason, -- noqa: RF02
    operator_rows.state_changed_at,
    operator_rows.anchor_kind,
    operator_rows.anchor_key,
    rows.scenario_version_id
from found as operator_rows
inner join outreach.schedule_rows as rows on operator_rows.schedule_row_id = rows.schedule_row_id

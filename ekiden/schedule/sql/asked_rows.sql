-- The rows whose customers are asked about, set aside: with statistics of their own, the joins that follow are sized by
-- what is there, also right after a plan made it.
create temporary table asked_rows on commit drop as
with found as (
    select * from {selection}
)

select
    found.schedule_row_id,
    found.scenario_code,
    found.customer_id,
    found.step_no,
    found.state,
    found.reason,
    found.state_changed_at,
    found.anchor_kind,
    found.anchor_key,
    rows.scenario_version_id
from found
inner join outreach.schedule_rows as rows on found.schedule_row_id = rows.schedule_row_id

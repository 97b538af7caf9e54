-- The rows that an operator means, as they are at this moment, locked: senders pass them over until the action is done.
create temporary table chosen_rows on commit drop as
with matching as (
    select schedule_row_id
    from {selection}
    order by schedule_row_id
    limit {most}
)

select
    rows.schedule_row_id,
    rows.enrolment_id,
    rows.state
from outreach.schedule_rows as rows
where rows.schedule_row_id in (select matching.schedule_row_id from matching)
order by rows.schedule_row_id -- noqa: PRS
for update

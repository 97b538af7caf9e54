-- The rows on their way that a person means, locked in the order of their numbers, as every action of a person does.
-- Who waits for a lock here finds them changed: what they are then is read again.
with meant as (
    select schedule_row_id
    from outreach.rows_on_their_way
    where {condition}
    order by schedule_row_id
    limit {most}
)

select rows.schedule_row_id
from outreach.schedule_rows as rows
where rows.schedule_row_id in (select meant.schedule_row_id from meant)
order by rows.schedule_row_id -- noqa: PRS
for update

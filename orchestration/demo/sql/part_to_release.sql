-- The largest part of at most so many held rows, of one scenario and due date, else the smallest; none if the operator
-- has released one already.
select
    held.scenario_code as scenario,
    held.due_date,
    count(*) as rows
from outreach.operator_rows as held
where
    held.state = 'held'
    and not exists (select from outreach.schedule_rows as released where released.released_by = %(operator)s)
group by held.scenario_code, held.due_date, held.anchor_kind
order by
    -- what counts from an order has an order line to show
    (held.anchor_kind <> 'ordered') asc,
    (count(*) > %(enough)s) asc,
    case when count(*) <= %(enough)s then -count(*) else count(*) end asc,
    held.due_date desc
limit 1

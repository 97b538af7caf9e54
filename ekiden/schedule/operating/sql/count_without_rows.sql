select
    scenario_code,
    standing,
    min(due_date) as first_due,
    max(due_date) as last_due,
    count(*) as enrolments
from {selection}
group by 1, 2
order by 1, 2 desc

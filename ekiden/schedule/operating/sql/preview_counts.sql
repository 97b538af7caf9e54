-- What an action would look at; held rows by why they are held.
select
    scenario_code,
    step_no,
    state,
    case when state = 'held' then ({hold_reason}) end as hold_reason,
    count(*) as rows
from {selection}
group by 1, 2, 3, 4
order by 1, 2, 3, 4

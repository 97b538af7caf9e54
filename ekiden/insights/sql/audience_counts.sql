-- The audience in numbers: all, by standing, and those who are due on the day.
with audience as (
    {query}
)

select
    case
        when grouping(standing) = 0 then standing
        when grouping(due_date = %(day)s) = 0 then 'due'
        else 'eligible'
    end as standing,
    count(distinct customer_id) as customers,
    count(*) as anchors
from audience
group by grouping sets ((), (standing), (due_date = %(day)s))
having grouping(due_date = %(day)s) = 1 or due_date = %(day)s

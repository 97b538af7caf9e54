-- What became of rows that a person names and that are not on their way any more, or never were.
select
    state,
    count(*) as rows
from outreach.schedule_rows
where
    (schedule_row_id = any(%(numbers)s::bigint[]) or message_id = any(%(messages)s::uuid[]))
    and state <> 'sending'
group by 1
order by 2 desc, 1

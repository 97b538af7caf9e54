-- How the rows stand that are on their way.
select
    scenario_code,
    step_no,
    channel_name,
    standing,
    count(*) filter (where standing = 'unknown' and posted_at <= {now} - {unknown_after}) as past_limit,
    count(*) as rows
from outreach.rows_on_their_way
where {condition}
group by 1, 2, 3, 4
order by 1, 2, 3, 4

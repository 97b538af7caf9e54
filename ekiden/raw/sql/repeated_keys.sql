-- Staged rows whose key a row before them has, the first of them; how many there are stands beside each.
with numbered as (
    select
        line,
        concat_ws(', ', {keys}) as shown,
        min(line) over (partition by {keys}) as first_line
    from {staged}
)

select
    line,
    first_line,
    shown,
    count(*) over ()
from numbered
where line <> first_line
order by line
limit {shown_rows}

create temporary table chosen_without_rows on commit drop as
select
    enrolment_id,
    standing
from {selection}
order by enrolment_id
limit {most}

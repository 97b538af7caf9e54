-- Why rows that an operator meant are still in the state in which they were found.
with left_as_they_were as (
    select
        chosen.state,
        enrolments.exit_reason,
        case
            when chosen.state <> all(%(states)s::text[]) then 'state'
            -- nothing else keeps such an action from a row
            when %(leaves_arrived)s and chosen.state in ('ready', 'held', 'failed') then 'arrived'
            when %(leaves_arrived)s then 'ended'
            when chosen.state = 'blocked' and enrolments.exit_reason = 'blocked' then 'exclusive'
            when enrolments.state <> 'active' then 'enrolment'
            else 'step'
        end as rule
    from pg_temp.chosen_rows as chosen
    inner join outreach.schedule_rows as rows
        on chosen.schedule_row_id = rows.schedule_row_id and chosen.state = rows.state
    inner join outreach.enrolments on chosen.enrolment_id = enrolments.enrolment_id
)

select
    rule,
    case rule when 'state' then state when 'enrolment' then exit_reason end as detail,
    count(*) as rows
from left_as_they_were
group by 1, 2
order by 3 desc, 1, 2

-- The rows asked about, counted: rows, their people, and how many of those stand how.
select
    asked_rows.scenario_code,
    asked_rows.step_no,
    asked_rows.state,
    asked_rows.hold_reason,
    count(*) as rows,
    count(distinct asked_rows.customer_id) as people,
    count(distinct asked_rows.customer_id) filter (where answers.because = 'entry_holds') as still_eligible,
    count(distinct asked_rows.customer_id) filter (
        where answers.because = 'entry_no_longer_holds'
    ) as entry_no_longer_holds,
    count(distinct asked_rows.customer_id) filter (where answers.because = 'stop_holds') as stop_holds,
    count(distinct asked_rows.customer_id) filter (where answers.because = 'anchor_gone') as anchor_gone,
    count(distinct asked_rows.customer_id) filter (where answers.because is null) as not_known,
    greatest(
        %(today)s::date - (min(asked_rows.state_changed_at) at time zone %(time_zone)s)::date, 0
    ) as longest_days
from pg_temp.asked_rows
left join pg_temp.answers on asked_rows.schedule_row_id = answers.schedule_row_id
group by asked_rows.scenario_code, asked_rows.step_no, asked_rows.state, asked_rows.hold_reason
order by asked_rows.scenario_code asc, asked_rows.step_no asc, asked_rows.state asc, asked_rows.hold_reason asc

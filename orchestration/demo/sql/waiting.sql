-- The ready rows whose time is still ahead, by scenario and time.
select
    scenario_code as scenario,
    send_at,
    count(*) as rows
from outreach.operator_rows
where state = 'ready' and send_at > now()
group by scenario_code, send_at
order by send_at, scenario_code

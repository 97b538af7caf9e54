-- A scenario of the list that was paused while the list was being written.
select scenarios.scenario_code
from outreach.scenarios
where
    scenarios.scenario_id in (select due_lists.scenario_id from pg_temp.due_lists)
    and scenarios.scenario_id in (select paused.scenario_id from outreach.paused_scenarios as paused)
order by scenarios.scenario_code
limit 1

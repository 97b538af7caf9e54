-- The scenarios of a list that is being written.
select scenarios.scenario_code
from outreach.scenarios
where scenarios.scenario_id in (select due_lists.scenario_id from pg_temp.due_lists)

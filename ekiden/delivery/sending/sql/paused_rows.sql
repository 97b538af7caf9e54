-- Which of the locked rows may not be claimed any more, because their scenario was paused since.
select rows.schedule_row_id
from outreach.schedule_rows as rows
inner join outreach.paused_scenarios as paused on rows.scenario_id = paused.scenario_id
where rows.schedule_row_id = any(%(rows)s)

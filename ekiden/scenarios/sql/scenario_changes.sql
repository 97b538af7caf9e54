select
    changes.changed_at,
    scenarios.scenario_code,
    changes.setting,
    changes.step_no,
    changes.value_before,
    changes.value_after,
    changes.actor,
    changes.run_id,
    runs.dagster_run_id,
    changes.build_id,
    changes.git_revision
from outreach.scenario_changes as changes
inner join outreach.scenarios on changes.scenario_id = scenarios.scenario_id
left join outreach.runs on changes.run_id = runs.run_id
where scenarios.scenario_code = %(code)s
order by changes.scenario_change_id

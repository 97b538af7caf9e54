update outreach.scenarios
set current_version_id = %(scenario_version_id)s
where scenario_id = %(scenario_id)s

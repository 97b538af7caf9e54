select rows.schedule_row_id
from outreach.schedule_rows as rows
inner join outreach.scenario_versions as versions on rows.scenario_version_id = versions.scenario_version_id
where rows.schedule_row_id = any(%(rows)s) and versions.on_skip = 'continue'

-- E6
update outreach.enrolments
set state = 'stopped', exit_reason = 'step_not_sent', exited_at = %(now)s
from outreach.schedule_rows as rows
inner join outreach.scenario_versions as versions on rows.scenario_version_id = versions.scenario_version_id
where
    rows.schedule_row_id = any(%(rows)s)
    and versions.on_skip = 'end'
    and rows.enrolment_id = enrolments.enrolment_id
    and enrolments.state = 'active'

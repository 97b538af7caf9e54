-- T11: lists are extracted, nothing is sent; late or not, until somebody extracts them (R-150, R-152).
update outreach.schedule_rows as rows
set state = 'sent', sent_at = %(now)s, state_changed_at = %(now)s
from outreach.scenarios, outreach.enrolments, outreach.scenario_steps
where
    rows.scenario_id = scenarios.scenario_id
    and rows.state = 'ready'
    and rows.channel = any(%(channels)s)
    and rows.due_date <= %(today)s
    and scenarios.may_send
    and rows.enrolment_id = enrolments.enrolment_id
    and enrolments.state = 'active'
    and rows.scenario_id = scenario_steps.scenario_id
    and rows.step_no = scenario_steps.step_no
    and scenario_steps.state = 'enabled'
    and (%(scenario)s::text is null or scenarios.scenario_code = %(scenario)s)
returning rows.schedule_row_id

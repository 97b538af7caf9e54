insert into outreach.scenario_version_steps (
    scenario_version_id, step_no, channel, offset_days, due_after_days, send_time, auto_send_time, content
)
values (
    %(scenario_version_id)s, %(step_no)s, %(channel)s, %(offset_days)s, %(due_after_days)s, %(send_time)s,
    %(auto_send_time)s, %(content)s
)

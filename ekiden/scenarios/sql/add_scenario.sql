insert into outreach.scenarios (
    model_name, scenario_code, scenario_name, status, disable_mode, priority, hold_expires_after_days,
    max_lateness_minutes, relation_name, updated_at
)
values (
    %(model)s, %(scenario_code)s, %(scenario_name)s, %(status)s, %(disable_mode)s, %(priority)s,
    %(hold_expires_after_days)s, %(max_lateness_minutes)s, %(relation_name)s, %(now)s
)
returning scenario_id

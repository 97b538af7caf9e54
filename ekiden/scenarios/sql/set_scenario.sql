update outreach.scenarios
set
    scenario_code = %(scenario_code)s,
    scenario_name = %(scenario_name)s,
    status = %(status)s,
    disable_mode = %(disable_mode)s,
    priority = %(priority)s,
    hold_expires_after_days = %(hold_expires_after_days)s,
    max_lateness_minutes = %(max_lateness_minutes)s,
    relation_name = %(relation_name)s,
    updated_at = %(now)s
where scenario_id = %(scenario_id)s

insert into outreach.sending_pauses (scenario_id, cause, reason, paused_by, paused_at, dagster_run_id)
values (%(scenario_id)s, %(cause)s, %(reason)s, %(actor)s, %(now)s, %(dagster_run_id)s)
returning pause_id

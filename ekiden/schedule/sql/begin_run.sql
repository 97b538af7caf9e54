insert into outreach.runs (
    run_id, kind, partition_from, partition_to, actor_kind, actor, dagster_run_id, git_revision, started_at
)
values (
    %(run_id)s, %(kind)s, %(first_day)s, %(last_day)s, %(actor_kind)s, %(actor)s, %(dagster_run_id)s,
    %(git_revision)s, %(now)s
)

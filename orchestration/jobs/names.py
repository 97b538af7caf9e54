"""The names by which jobs, and the ops whose form is filled in, are asked for elsewhere: by a schedule, or by the demo.

Does not belong here: the names of jobs that sensors ask for, which each sensor has (`sensors.asked_jobs`), and those
that nobody but a person asks for.
"""

PLANNING_JOB = "plan_day"
HISTORY_JOB = "refresh_history"
SYNCING_JOB = "sync_suppressions"

BACKFILL_JOB = "backfill_days"
BACKFILL_OP = "plan_missed_days"

RELEASING_JOB = "release_held_rows"
RELEASING_OP = "release_rows"

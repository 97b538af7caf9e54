"""What runs by the clock, in the shop's local time.

Does not belong here: what runs (`jobs`), and what runs when something is there to do (`sensors`).
"""

from datetime import time

from dagster import (
    DefaultScheduleStatus,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    schedule,
)

from ekiden.settings import Settings
from orchestration.jobs.names import HISTORY_JOB, PLANNING_JOB, SYNCING_JOB

HISTORY_TIME = time(0, 30)
"""Local time of the history's refresh: the day before is over, and the morning's planning is far."""

SYNC_TIME = time(5, 0)
"""Local time at which the provider's lists are read: an hour before most shops plan their day."""


def build_schedules(settings: Settings) -> list[ScheduleDefinition]:
    """Return the schedules: planning at the batch time, history in the night; both run unless switched off."""

    @schedule(
        job_name=PLANNING_JOB,
        cron_schedule=cron(settings.batch_time),
        execution_timezone=settings.time_zone,
        default_status=DefaultScheduleStatus.RUNNING,
        description="Plans the local day at the batch time.",
    )
    def plan_today(context: ScheduleEvaluationContext) -> RunRequest:
        today = settings.local_date(context.scheduled_execution_time).isoformat()
        return RunRequest(run_key=today, partition_key=today)

    @schedule(
        job_name=HISTORY_JOB,
        cron_schedule=cron(HISTORY_TIME),
        execution_timezone=settings.time_zone,
        default_status=DefaultScheduleStatus.RUNNING,
        description="Refreshes the history and checks the ledger every night.",
    )
    def refresh_history_nightly(context: ScheduleEvaluationContext) -> RunRequest:
        return RunRequest(run_key=context.scheduled_execution_time.date().isoformat())

    return [plan_today, refresh_history_nightly]


def suppression_schedule(settings: Settings) -> ScheduleDefinition:
    """Return the daily reading of the provider's own lists; it runs where there is a provider."""
    status = DefaultScheduleStatus.RUNNING if settings.sendgrid_api_key else DefaultScheduleStatus.STOPPED

    @schedule(
        job_name=SYNCING_JOB,
        cron_schedule=cron(SYNC_TIME),
        execution_timezone=settings.time_zone,
        default_status=status,
        description="Adds what SendGrid's own lists say to the suppression list. Needs a key.",
    )
    def sync_suppressions_daily(context: ScheduleEvaluationContext) -> RunRequest:
        return RunRequest(run_key=settings.local_date(context.scheduled_execution_time).isoformat())

    return sync_suppressions_daily


def cron(local_time: time) -> str:
    """Return the cron line of a daily local time."""
    return f"{local_time.minute} {local_time.hour} * * *"

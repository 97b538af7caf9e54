"""Notices days that no plan covered, and lets the check `every_day_planned` show them.

The check runs when the finding has changed, so that the asset in the UI says what is so; each tick says it as well.
Nothing is planned by itself: what a missed day means is for a person to look at first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dagster import (
    DefaultSensorStatus,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)
from dagster._core.definitions.target import ExecutableDefinition

from ekiden.database.connection import connect
from ekiden.schedule.missed import MissedRange, find_missed_days
from ekiden.settings import Settings

CHECKING_JOB = "check_planned_days"

INTERVAL = timedelta(minutes=5)
"""Between two looks: days change slowly, and an hour of grace has passed before today counts."""


@dataclass(frozen=True)
class Decision:
    """Whether the check is to run, what the tick says, and the finding to remember for the next one."""

    check: bool
    says: str
    finding: str


def decide(missed: Sequence[MissedRange], remembered: str | None) -> Decision:
    """Return what to do about the missed days; `remembered` is the last tick's finding, None before the first."""
    finding = "; ".join(str(each) for each in missed)
    says = f"missed: {finding} (`ekiden plan --missed` plans them)" if missed else "every day has been planned"
    return Decision(finding != (remembered or ""), says, finding)


def missed_days_sensor(settings: Settings, jobs: Sequence[ExecutableDefinition]) -> SensorDefinition:
    """Return the sensor; `jobs` are those it may ask for."""

    @sensor(
        name="missed_days",
        jobs=[job for job in jobs if job.name == CHECKING_JOB],
        minimum_interval_seconds=int(INTERVAL.total_seconds()),
        default_status=DefaultSensorStatus.RUNNING,
        description="Notices local days that no plan covered, and has the check on step_schedule show them.",
    )
    def missed_days(context: SensorEvaluationContext) -> SensorResult:
        # an error here fails the tick and shows in the UI: "could not look" is not "nothing is missing"
        with connect(settings, autocommit=True) as connection:
            missed = find_missed_days(connection, now=datetime.now(UTC), settings=settings)
        decision = decide(missed, context.cursor)
        context.log.info(decision.says)
        if not decision.check:
            return SensorResult(skip_reason=SkipReason(decision.says), cursor=decision.finding)
        # no run key: the same days may be missed, planned and missed again
        return SensorResult(run_requests=[RunRequest(job_name=CHECKING_JOB)], cursor=decision.finding)

    return missed_days

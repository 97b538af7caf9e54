"""Notices days that no plan covered, and lets the check `every_day_planned` show them.

The check runs while what it last showed is not what is so, and again with the next look where its run failed; each
tick says it as well. Nothing is planned by itself: what a missed day means is for a person to look at first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from dagster import (
    AssetCheckKey,
    DagsterInstance,
    DefaultSensorStatus,
    ResourceParam,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from ekiden.clock import Clock
from ekiden.database.connection import connect
from ekiden.schedule.planning.missed import MissedRange, find_missed_days, in_words
from ekiden.settings import Settings
from sensors.asked_jobs import Job, jobs_named
from sensors.ended_runs import UNDER_WAY

CHECKING_JOB = "check_planned_days"

INTERVAL = timedelta(minutes=5)
"""Between two looks: days change slowly, and an hour of grace has passed before today counts."""


@dataclass(frozen=True)
class Shown:
    """What the check shows by its latest run; `says` None: that run has not answered, or never will."""

    says: str | None
    is_under_way: bool = False


@dataclass(frozen=True)
class Decision:
    """Whether the check is to run, and what the tick says."""

    check: bool
    says: str


def decide(missed: Sequence[MissedRange], shown: Shown | None) -> Decision:
    """Return what to do about the missed days; `shown` is what the check shows, None if it never ran."""
    finding = in_words(missed)
    says = f"{finding} (`ekiden plan --missed` plans them)" if missed else finding
    if shown is None:
        # a check that never ran shows nothing wrong either
        return Decision(bool(missed), says)
    return Decision(shown.says != finding and not shown.is_under_way, says)


def missed_days_sensor(settings: Settings, jobs: Sequence[Job], check: AssetCheckKey) -> SensorDefinition:
    """Return the sensor; `jobs` are those it may ask for, `check` is what shows the missed days."""

    @sensor(
        name="missed_days",
        jobs=jobs_named([CHECKING_JOB], jobs),
        minimum_interval_seconds=int(INTERVAL.total_seconds()),
        default_status=DefaultSensorStatus.RUNNING,
        description="Notices local days that no plan covered, and has the check on step_schedule show them.",
    )
    def missed_days(context: SensorEvaluationContext, clock: ResourceParam[Clock]) -> SensorResult:
        # an error here fails the tick and shows in the UI: "could not look" is not "nothing is missing"
        with connect(settings, autocommit=True) as connection:
            missed = find_missed_days(connection, now=clock(), settings=settings)
        decision = decide(missed, shown_by(context.instance, check))
        context.log.info(decision.says)
        if not decision.check:
            return SensorResult(skip_reason=SkipReason(decision.says))
        # no run key: the same days may be missed, planned and missed again
        return SensorResult(run_requests=[RunRequest(job_name=CHECKING_JOB)])

    return missed_days


def shown_by(instance: DagsterInstance, check: AssetCheckKey) -> Shown | None:
    """Return what a check shows by its latest run, None if it never ran."""
    record = instance.get_latest_asset_check_evaluation_record(check)
    if record is None:
        return None
    if record.evaluation and record.status is not AssetCheckExecutionRecordStatus.PLANNED:
        return Shown(record.evaluation.description)
    run = instance.get_run_by_id(record.run_id)
    return Shown(None, is_under_way=run is not None and run.status in UNDER_WAY)

"""Asks for a drain when a provider's events lie undrained, or would settle messages of unknown outcome.

The server that receives them drains them by itself, within seconds; this is for what it left: a deployment whose server
only receives, one that was killed, and events that came before their message was known to be unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dagster import (
    DagsterInstance,
    DefaultSensorStatus,
    ResourceParam,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from ekiden.clock import Clock
from ekiden.counting import counted
from ekiden.database.connection import connect
from ekiden.delivery.events.drain import Waiting, waiting
from ekiden.settings import Settings
from sensors.asked_jobs import Job, jobs_named
from sensors.ended_runs import UNDER_WAY, last_ended_at

DRAINING_JOB = "drain_delivery_events"

INTERVAL = timedelta(seconds=30)
"""Between two looks: an unsubscription is honoured within two minutes though the server does not drain."""
GRACE = timedelta(minutes=1)
"""Left to the server that received it; a run costs seconds to start."""
BETWEEN_RUNS = timedelta(minutes=1)
"""After a run has ended: one that fails is not asked for with every look."""


@dataclass(frozen=True)
class Decision:
    """Whether to ask for a run, and what the tick says."""

    drain: bool
    says: str


def decide(found: Waiting, *, is_under_way: bool, last_ended_at: datetime | None, now: datetime) -> Decision:
    """Return whether to ask for a drain at `now` of what is `found`; instants are aware."""
    unknown = counted(found.told_outcomes, "unknown message")
    says = f"waiting: {counted(found.requests, 'request')}, and {unknown} that events tell of"
    if not found.requests and not found.told_outcomes:
        return Decision(False, "nothing waits")
    if is_under_way:
        return Decision(False, f"{says}: a run is on it")
    # a request of the future was received before the clock was set back: its age says nothing
    is_young = found.oldest_received_at is not None and timedelta() <= now - found.oldest_received_at < GRACE
    if is_young and not found.told_outcomes:
        return Decision(False, f"{says}: left to the server that received them")
    if last_ended_at is not None and timedelta() <= now - last_ended_at < BETWEEN_RUNS:
        return Decision(False, f"{says}: the last run ended just now")
    return Decision(True, says)


def delivery_events_sensor(settings: Settings, jobs: Sequence[Job]) -> SensorDefinition:
    """Return the sensor; `jobs` are those it may ask for."""

    @sensor(
        name="delivery_events",
        jobs=jobs_named([DRAINING_JOB], jobs),
        minimum_interval_seconds=int(INTERVAL.total_seconds()),
        default_status=DefaultSensorStatus.RUNNING,
        description="Takes in events of providers that the server that received them has left.",
    )
    def delivery_events(context: SensorEvaluationContext, clock: ResourceParam[Clock]) -> SensorResult:
        # an error here fails the tick and shows in the UI: "could not look" is not "nothing waits"
        with connect(settings, autocommit=True) as connection:
            found = waiting(connection)
        decision = decide(
            found,
            is_under_way=_is_under_way(context.instance),
            last_ended_at=last_ended_at(context.instance, DRAINING_JOB),
            now=clock(),
        )
        if not decision.drain:
            return SensorResult(skip_reason=SkipReason(decision.says))
        # no run key: the same may wait again
        return SensorResult(run_requests=[RunRequest(job_name=DRAINING_JOB)])

    return delivery_events


def _is_under_way(instance: DagsterInstance) -> bool:
    return bool(instance.get_runs(RunsFilter(job_name=DRAINING_JOB, statuses=list(UNDER_WAY)), limit=1))

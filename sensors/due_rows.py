"""Asks for a sending run when something is due.

One run per due date at a time; where many dates are due, as after a release, one run for all of them. A slot (a due
date and the oldest time waiting in it) whose run ended and left it due is asked for again, later each time and under
another run key: a used one would block it for ever. Rows whose sender vanished are asked for the same way. While
sending is paused, nothing is asked for, and the sensor says who paused it and why.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from dagster import (
    DagsterInstance,
    DailyPartitionsDefinition,
    DefaultSensorStatus,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)
from dagster._core.definitions.target import ExecutableDefinition
from dagster._core.storage.dagster_run import FINISHED_STATUSES, NOT_FINISHED_STATUSES

from ekiden.database.connection import connect
from ekiden.delivery.pauses import Pause, open_pauses
from ekiden.delivery.send import DueSlot, due_now, lost_claims
from ekiden.settings import Settings

SENDING_JOB = "send_due_rows"
CATCH_ALL_JOB = "send_now"
"""Sends whatever is due: many dates at once, days too old to have a partition, what vanished senders left."""

SLOT_TAG = "ekiden/slot"
PARTITION_TAG = "dagster/partition"

INTERVAL = timedelta(seconds=15)
"""Between two looks: a step's time is kept to within half a minute, and a look costs some milliseconds."""
DATES_ON_THEIR_OWN = 2
"""Due dates that get a run each: today's and, around midnight, yesterday's. A run costs seconds to start, so more
dates than that share one."""
FIRST_WAIT = timedelta(seconds=30)
"""Before a slot is asked for again; doubled each time up to `LONGEST_WAIT`."""
LONGEST_WAIT = timedelta(minutes=15)
"""A provider's outage ends some time; nobody should have to wake the sensor."""


LOST_CLAIMS = "lost claims"
"""The slot of rows that are on their way without a living sender; a run of any due date settles them all."""


@dataclass(frozen=True)
class Slot:
    """Something to ask a run for; `due_date` None: for whatever is due, without a partition."""

    name: str
    due_date: date | None


@dataclass(frozen=True)
class Attempts:
    """The ended runs of one slot."""

    count: int
    last_ended_at: datetime


@dataclass(frozen=True)
class Request:
    """One run to ask for."""

    slot: Slot
    attempt: int

    @property
    def run_key(self) -> str:
        return f"{self.slot.name}, attempt {self.attempt}"


@dataclass(frozen=True)
class Decision:
    """What to ask for, and why nothing is asked for what else is due."""

    requests: tuple[Request, ...]
    reasons: tuple[str, ...]


def slots_of(due: Sequence[DueSlot], lost: int, partitions: Collection[date]) -> list[Slot]:
    """Return the slots to look after, the one for everything first; lost claims wait for no due date."""
    if not due:
        return [Slot(LOST_CLAIMS, None)] if lost else []
    oldest_first = sorted(due, key=lambda slot: (slot.oldest_send_at, slot.due_date))
    has_partitions = all(slot.due_date in partitions for slot in due)
    if lost or len(due) > DATES_ON_THEIR_OWN or not has_partitions:
        return [Slot(f"everything since {_utc(oldest_first[0].oldest_send_at)}", None)]
    return [Slot(f"{slot.due_date} since {_utc(slot.oldest_send_at)}", slot.due_date) for slot in oldest_first]


def decide(
    slots: Sequence[Slot],
    *,
    in_flight: Collection[date | None],
    attempts: Mapping[str, Attempts],
    now: datetime,
    pauses: Sequence[Pause] = (),
) -> Decision:
    """Return the runs to ask for at `now`; `in_flight` are due dates being sent, None among them: everything.

    `slots` are of what is not paused; a pause of all sending leaves no run to ask for, not even for lost claims.
    """
    paused = tuple(f"{pause} (to go on: {pause.resume_command})" for pause in pauses)
    if any(pause.scenario_code is None for pause in pauses):
        return Decision((), paused)
    requests: list[Request] = []
    reasons: list[str] = []
    for slot in slots:
        ended = attempts.get(slot.name)
        again = ended.last_ended_at + wait_after(ended.count) if ended else now
        if None in in_flight or slot.due_date in in_flight:
            reasons.append(f"{slot.name}: a run is on it")
        elif ended and now < again:
            reasons.append(f"{slot.name}: run {ended.count} left it so; again at {_utc(again)}")
        else:
            requests.append(Request(slot, (ended.count if ended else 0) + 1))
    return Decision(tuple(requests), (*(reasons if slots else ["nothing is due"]), *paused))


def wait_after(attempts: int) -> timedelta:
    """Return how long to wait after so many ended runs of one slot."""
    # 2 ** 10 is past the longest wait, and much larger powers overflow a timedelta
    doublings = min(attempts - 1, 10)
    return min(FIRST_WAIT * 2**doublings, LONGEST_WAIT)


def due_rows_sensor(
    settings: Settings, due_dates: DailyPartitionsDefinition, jobs: Sequence[ExecutableDefinition]
) -> SensorDefinition:
    """Return the sensor; `jobs` are those it may ask for."""

    @sensor(
        name="due_rows",
        jobs=[job for job in jobs if job.name in (SENDING_JOB, CATCH_ALL_JOB)],
        minimum_interval_seconds=int(INTERVAL.total_seconds()),
        default_status=DefaultSensorStatus.RUNNING,
        description="Starts a sending run for each local due date that has ready rows whose time has come.",
    )
    def due_rows(context: SensorEvaluationContext) -> SensorResult:
        now = datetime.now(UTC)
        # an error here fails the tick and shows in the UI: "could not look" is not "nothing is due"
        with connect(settings, autocommit=True) as connection:
            pauses = open_pauses(connection)
            due, lost = due_now(connection, now=now), lost_claims(connection)
        partitions = {date.fromisoformat(key) for key in due_dates.get_partition_keys(current_time=now)}
        slots = slots_of(due, lost, partitions)
        decision = decide(
            slots,
            in_flight=unfinished_dates(context.instance),
            attempts={
                slot.name: ended for slot in slots if (ended := ended_runs(context.instance, SLOT_TAG, slot.name))
            },
            now=now,
            pauses=pauses,
        )
        if not decision.requests:
            return SensorResult(skip_reason=SkipReason("; ".join(decision.reasons)))
        return SensorResult(run_requests=[_run_request(request) for request in decision.requests])

    return due_rows


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _run_request(request: Request) -> RunRequest:
    due_date = request.slot.due_date
    return RunRequest(
        run_key=request.run_key,
        job_name=CATCH_ALL_JOB if due_date is None else SENDING_JOB,
        partition_key=due_date.isoformat() if due_date else None,
        tags={SLOT_TAG: request.slot.name},
    )


def unfinished_dates(instance: DagsterInstance) -> set[date | None]:
    """Return the due dates that runs are sending; None stands for the run that sends everything."""
    unfinished = list(NOT_FINISHED_STATUSES)
    runs = instance.get_runs(RunsFilter(job_name=SENDING_JOB, statuses=unfinished))
    days: set[date | None] = {date.fromisoformat(run.tags[PARTITION_TAG]) for run in runs if PARTITION_TAG in run.tags}
    if instance.get_runs(RunsFilter(job_name=CATCH_ALL_JOB, statuses=unfinished), limit=1):
        days.add(None)
    return days


def ended_runs(instance: DagsterInstance, tag: str, value: str) -> Attempts | None:
    """Return how many runs with this tag have ended, and when the last did; None if none has."""
    ended = RunsFilter(tags={tag: value}, statuses=list(FINISHED_STATUSES))
    newest = instance.get_run_records(ended, limit=1)
    if not newest:
        return None
    record = newest[0]
    # a run that never started has no end; when its record last changed is as good
    ended_at = (
        datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp.replace(tzinfo=UTC)
    )
    return Attempts(instance.get_runs_count(ended), ended_at)

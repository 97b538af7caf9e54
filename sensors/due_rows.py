"""Asks for a sending run when something is due, or is about to be.

A run takes seconds to start: it is asked for a little before the first row's time, and waits for that by itself. One
run per due date at a time; where many dates are due, as after a release, one run for all of them. A run under way goes
on with what becomes due meanwhile. A slot (a due date, with the oldest and the newest time in it) whose run ended and
left it due is asked for again, later each time and under another run key: a used one would block it for ever; what
becomes due since makes another slot, and need not wait for it. Rows whose sender vanished are asked for the same way.
While sending is paused, nothing is asked for, and the sensor says who paused it and why; nor is anything for a provider
that wants to be left alone.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache

from dagster import (
    DagsterInstance,
    DailyPartitionsDefinition,
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
from ekiden.database.connection import connect
from ekiden.delivery.channels import Carrier, carriers_for
from ekiden.delivery.pauses import Pause, open_pauses
from ekiden.delivery.sending.due import DueSlot, LostClaims, count_lost_claims, due_now
from ekiden.delivery.sending.provider_waits import wait_of
from ekiden.settings import Settings
from sensors.asked_jobs import Job, jobs_named
from sensors.ended_runs import UNDER_WAY, Attempts, ended_runs, not_before, run_key, shown_moment

SENDING_JOB = "send_due_rows"
CATCH_ALL_JOB = "send_now"
"""Sends whatever is due: many dates at once, days too old to have a partition, what vanished senders left."""

SLOT_TAG = "ekiden/slot"
PARTITION_TAG = "dagster/partition"

INTERVAL = timedelta(seconds=5)
"""Between two looks: nobody knows of a release before; a look costs some milliseconds."""
LOOK_AHEAD = timedelta(seconds=90)
"""How long before its time a row's run is asked for: up to 5 seconds until the next look, 2 in the queue, 5 for a
process to start and 5 for those of its workers, and five times that on a machine with many other things to do.
Shorter than workers wait (`assets.steps.sending`), or they would end before."""
LONGEST_RUN = timedelta(hours=2)
"""Then Dagster ends it, and the sensor may ask again: workers whose broker forgot them never answer. Tens of millions
of messages are sent in that time."""
SENDING_TAGS = {
    "dagster/max_runtime": str(int(LONGEST_RUN.total_seconds())),
    # before the days of a backfill or a folder full of lists, which are queued all at once
    "dagster/priority": "10",
}
"""Of both jobs, whoever starts them: a person's run whose machine went down would keep the sensor waiting as well."""
DATES_ON_THEIR_OWN = 2
"""Due dates that get a run each: today's and, around midnight, yesterday's. A run costs seconds to start, so more
dates than that share one."""

EVERYTHING = "everything"
LOST_CLAIMS = "lost claims up to sender"
"""The slot of rows that are on their way without a living sender while nothing is due, before the newest of these
senders' number: another one's rows need not wait for what an earlier run has left. A run of any due date settles
them all."""


@dataclass(frozen=True)
class Slot:
    """Something to ask a run for; `due_date` None: for whatever is due, without a partition.

    `name` is by what a run is known again; `span` are the oldest and the newest time in it, None of lost claims.
    """

    name: str
    due_date: date | None
    span: tuple[datetime, datetime] | None = None

    def shown(self, zone: tzinfo) -> str:
        """Return it for people, in their time."""
        if self.span is None:
            return self.name
        oldest, newest = (shown_moment(each, zone) for each in self.span)
        return f"{self.due_date or EVERYTHING} since {oldest} until {newest}"


@dataclass(frozen=True)
class Request:
    """One run to ask for."""

    slot: Slot
    run_key: str


@dataclass(frozen=True)
class Decision:
    """What to ask for, and why nothing is asked for what else is due."""

    requests: tuple[Request, ...]
    reasons: tuple[str, ...]


def slots_of(due: Sequence[DueSlot], lost: LostClaims, partitions: Collection[date]) -> list[Slot]:
    """Return the slots to look after, the one for everything first; lost claims wait for no due date."""
    if not due:
        return [Slot(f"{LOST_CLAIMS} {lost.newest_sender}", None)] if lost.rows else []
    oldest_first = sorted(due, key=lambda slot: (slot.oldest_send_at, slot.due_date))
    newest = max(slot.newest_send_at for slot in due)
    has_partitions = all(slot.due_date in partitions for slot in due)
    if lost.rows or len(due) > DATES_ON_THEIR_OWN or not has_partitions:
        return [_slot(None, oldest_first[0].oldest_send_at, newest)]
    return [_slot(slot.due_date, slot.oldest_send_at, slot.newest_send_at) for slot in oldest_first]


def decide(
    slots: Sequence[Slot],
    *,
    under_way: Collection[date | None],
    attempts: Mapping[str, Attempts],
    now: datetime,
    zone: tzinfo,
    pauses: Sequence[Pause] = (),
    waits: Mapping[str, datetime] | None = None,
) -> Decision:
    """Return the runs to ask for at `now`; `under_way` are due dates being sent, None among them: everything.

    `slots` are of what is not paused; a pause of all sending leaves no run to ask for, not even for lost claims.
    `waits` are the channels whose rows are not among them, and until when. Reasons tell times in `zone`.
    """
    paused = (
        *(f"{pause} (to go on: {pause.resume_command})" for pause in pauses),
        *(
            f"{channel} wants to be left alone until {shown_moment(until, zone)}"
            for channel, until in (waits or {}).items()
        ),
    )
    if any(pause.scenario_code is None for pause in pauses):
        return Decision((), paused)
    requests: list[Request] = []
    reasons: list[str] = []
    for slot in slots:
        ended = attempts.get(slot.name)
        if None in under_way or slot.due_date in under_way:
            reasons.append(f"{slot.shown(zone)}: a run is on it")
        elif ended and (again := not_before(ended, now)):
            reasons.append(f"{slot.shown(zone)}: run {ended.count} left it so; again at {shown_moment(again, zone)}")
        else:
            requests.append(Request(slot, run_key(slot.name, ended)))
    return Decision(tuple(requests), (*(reasons if slots else ["nothing is due"]), *paused))


def due_rows_sensor(settings: Settings, due_dates: DailyPartitionsDefinition, jobs: Sequence[Job]) -> SensorDefinition:
    """Return the sensor; `jobs` are those it may ask for."""

    @cache
    def carriers() -> tuple[Carrier, ...]:
        # not while definitions are loaded: some have to import a package
        return carriers_for(settings)

    @sensor(
        name="due_rows",
        jobs=jobs_named([SENDING_JOB, CATCH_ALL_JOB], jobs),
        minimum_interval_seconds=int(INTERVAL.total_seconds()),
        default_status=DefaultSensorStatus.RUNNING,
        description="Starts a sending run for each local due date with ready rows whose time has come, or soon will.",
    )
    def due_rows(context: SensorEvaluationContext, clock: ResourceParam[Clock]) -> SensorResult:
        now = clock()
        # an error here fails the tick and shows in the UI: "could not look" is not "nothing is due"
        with connect(settings, autocommit=True) as connection:
            pauses = open_pauses(connection, zone=settings.zone)
            soon = now + LOOK_AHEAD
            waits = {
                carrier.channel.name: wait.until
                for carrier in carriers()
                if (wait := wait_of(connection, carrier.channel.name, soon))
            }
            going = [carrier for carrier in carriers() if carrier.channel.name not in waits]
            due = due_now(
                connection, now=soon, step_channels=[name for carrier in going for name in carrier.step_channels]
            )
            lost = count_lost_claims(connection)
        partitions = {date.fromisoformat(key) for key in due_dates.get_partition_keys(current_time=now)}
        slots = slots_of(due, lost, partitions)
        decision = decide(
            slots,
            under_way=dates_under_way(context.instance),
            attempts={
                slot.name: ended for slot in slots if (ended := ended_runs(context.instance, SLOT_TAG, slot.name))
            },
            now=now,
            zone=settings.zone,
            pauses=pauses,
            waits=waits,
        )
        if not decision.requests:
            return SensorResult(skip_reason=SkipReason("; ".join(decision.reasons)))
        return SensorResult(run_requests=[_run_request(request) for request in decision.requests])

    return due_rows


def _slot(due_date: date | None, oldest: datetime, newest: datetime) -> Slot:
    return Slot(f"{due_date or EVERYTHING} since {_utc(oldest)} until {_utc(newest)}", due_date, (oldest, newest))


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


def dates_under_way(instance: DagsterInstance) -> set[date | None]:
    """Return the due dates that runs are sending; None stands for the run that sends everything."""
    runs = instance.get_runs(RunsFilter(job_name=SENDING_JOB, statuses=list(UNDER_WAY)))
    days: set[date | None] = {date.fromisoformat(run.tags[PARTITION_TAG]) for run in runs if PARTITION_TAG in run.tags}
    if instance.get_runs(RunsFilter(job_name=CATCH_ALL_JOB, statuses=list(UNDER_WAY)), limit=1):
        days.add(None)
    return days

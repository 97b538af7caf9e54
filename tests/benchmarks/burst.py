"""From due to accepted: a burst of messages, all due at one instant, sent by what `ekiden up` runs.

Belongs here: serving a shop with Dagster's daemon and the project's own sensors, waiting, and what the ledger says
then. Does not belong here: how fast a sender alone is (`send`), and the shop (`sending_shop`).
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.scheduler.instigation import TickStatus

from ekiden.database.connection import DAGSTER_SUFFIX, connection_parts, database_url
from ekiden.delivery.latency import latency_since
from ekiden.settings import PROJECT_ROOT
from orchestration.instance import open_instance
from sensors.due_rows import CATCH_ALL_JOB, LOOK_AHEAD, SENDING_JOB
from tests.benchmarks import sending_shop
from tests.benchmarks.measures import Reporter
from tests.benchmarks.place import BenchmarkFailed, Place, on_end, scratch
from tests.benchmarks.send import OF_EARLY_MEMORY, Sink, make_certificate, same_people, sink
from tests.benchmarks.sender import CONTENT, EARLY
from tests.benchmarks.shop import Size
from tests.conftest import drop_database

WORKERS = "EKIDEN_SEND_WORKERS"
"""The one setting that is taken from the environment: a burst may be sent by more workers than one."""
NOON = 12
LATE_THAT_DAY = timedelta(hours=8)
"""What the rows are planned for first: the same day, within the hours in which may be sent, and far away."""
QUIET = timedelta(seconds=15)
"""Before the sensor can see the rows: three of its looks, so that the daemon has nothing left to do of its start."""
MOVED_A_SECOND = 5_000
"""Rows moved to another time; a quarter of what a machine of two cores does."""
START_PATIENCE = 300.0  # seconds until the sensor's first look: four processes import Dagster
STALL_PATIENCE = 180.0  # seconds in which nothing comes in; a failed run is asked for again after 30
STOP_PATIENCE = 120.0  # seconds; `ekiden up` needs at most 40 to end all of its own
LOOK_EVERY = 1.0  # seconds between two looks at what came in

LEDGER = """
select count(*), count(distinct customer_id), min(sent_at - due_at), max(sent_at), bool_and(due_at = %s)
from outreach.messages
"""
READY = "select %s - min(started_at) from outreach.runs where kind = 'send'"
"""A worker that has nothing to send yet makes a run of its first look, and waits."""
UNDER_WAY = "select exists (select from outreach.schedule_rows where step_no = 1 and state in ('ready', 'sending'))"
SENDERS = "select process_id from outreach.dispatchers where ended_at is null"


def run(size: Size, report: Reporter) -> None:
    """Let a shop's customers all be due at one instant, and tell what became of them."""
    with scratch() as unzoned:
        place = replace(unzoned, settings=unzoned.settings.model_copy(update={"time_zone": zone_of_noon()}))
        now = datetime.now(place.settings.zone)
        report.note(f"a shop whose {size.customers:,} customers are all due one message")
        late = now.replace(minute=0, second=0, microsecond=0) + LATE_THAT_DAY
        sending_shop.fill(place, size.customers, CONTENT, due=late, planned_at=now)
        with sink(make_certificate(place.folder / "sink.pem")) as taker, dagster(place, taker) as served:
            report.note("waiting for the sensor's first look")
            served.wait_for_sensor()
            due = datetime.now(UTC).replace(microsecond=0) + QUIET + LOOK_AHEAD
            due += timedelta(seconds=size.customers / MOVED_A_SECOND)
            sending_shop.move(place, due)
            if datetime.now(UTC) > due - LOOK_AHEAD:
                raise BenchmarkFailed("moving the rows took so long that the sensor could not look ahead; try again")
            report.note(f"all are due at {due:%H:%M:%S} UTC")
            memory = served.wait_until_sent(taker, size.customers, due)
            # of the last minute: seconds mean little without it where a machine is shared
            report.figure("machine_load", os.getloadavg()[0], "processes")
            same_people(taker, size.customers, "the burst")
            _tell(served, size.customers, due, memory, report)


def zone_of_noon() -> str:
    """Return a time zone in which it is between noon and one o'clock now.

    Nothing of the night or the morning, planning above all, begins meanwhile, and no midnight comes.
    """
    ahead = NOON - datetime.now(UTC).hour
    # these names count westwards (IANA, file `etcetera`)
    return f"Etc/GMT{-ahead:+d}"


@dataclass
class Memory:
    """The highest memory of the processes that send, in megabytes; read while they live."""

    peak: float | None = None
    early: float | None = None
    processes: set[int] = field(default_factory=set)

    def look(self, connection: psycopg.Connection[Any], messages: int) -> None:
        self.processes |= {process for (process,) in connection.execute(SENDERS).fetchall()}
        read = [peak for process in self.processes if (peak := _peak(process))]
        self.peak = max([self.peak or 0, *read]) or None
        if self.early is None and messages >= EARLY:
            self.early = self.peak


def _peak(process: int) -> float | None:
    """Return a process's highest memory in megabytes, None where it has ended or nothing is to be seen."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), None)


@dataclass(frozen=True)
class Served:
    """A place that `ekiden up` serves."""

    place: Place
    up: subprocess.Popen[bytes]
    instance: DagsterInstance

    def wait_for_sensor(self) -> None:
        """Return once the sensor has looked and found nothing due; raises `BenchmarkFailed`."""
        deadline = time.monotonic() + START_PATIENCE
        while not self._has_looked():
            self._check(time.monotonic() < deadline, f"the sensor has not looked within {START_PATIENCE:.0f} s")
            time.sleep(LOOK_EVERY)

    def _has_looked(self) -> bool:
        return any(
            self.instance.get_ticks(
                state.instigator_origin_id, state.selector_id, limit=1, statuses=[TickStatus.SKIPPED]
            )
            for state in self.instance.all_instigator_state()
            if state.instigator_name == "due_rows"
        )

    def wait_until_sent(self, taker: Sink, customers: int, due: datetime) -> Memory:
        """Return once the ledger knows that nothing is left to send; raises `BenchmarkFailed` where nothing moves."""
        memory = Memory()
        messages, moved_at = 0, max(due.timestamp(), time.time())
        with self.place.connect() as connection:
            while True:
                taken = taker.taken()["messages"]
                memory.look(connection, taken)
                if taken >= customers and connection.execute(UNDER_WAY).fetchone() == (False,):
                    return memory
                if taken > messages:
                    messages, moved_at = taken, time.time()
                moves = time.time() < moved_at + STALL_PATIENCE
                self._check(moves, f"{taken:,} of {customers:,} messages came in, and no more")
                time.sleep(LOOK_EVERY)

    def runs(self, due: datetime) -> tuple[int, float]:
        """Return how many runs there were, and how long before `due` the first had started; none may have failed."""
        records = [
            record
            for job in (SENDING_JOB, CATCH_ALL_JOB)
            for record in self.instance.get_run_records(RunsFilter(job_name=job))
        ]
        failed = [record for record in records if record.dagster_run.status is DagsterRunStatus.FAILURE]
        self._check(not failed, f"{len(failed)} of {len(records)} runs failed")
        started = [record.start_time for record in records if record.start_time]
        return len(records), due.timestamp() - min(started)

    def _check(self, holds: bool, otherwise: str) -> None:
        if self.up.poll() is not None:
            raise BenchmarkFailed(f"`ekiden up` ended with code {self.up.returncode}; what it said is above")
        if not holds:
            log = self.place.settings.home / "logs" / "daemon.log"
            words = log.read_text(encoding="utf-8", errors="replace")[-4000:] if log.exists() else ""
            raise BenchmarkFailed(f"{otherwise}; the daemon's last words:\n{words}")


@contextmanager
def dagster(place: Place, taker: Sink) -> Iterator[Served]:
    """Yield the place, served by `ekiden up`, whose mail goes to the sink; stop it, and drop Dagster's database."""
    url = database_url(place.settings)
    try:
        # its tables are made here: nothing of that is left for the daemon
        with open_instance(place.settings) as instance, _up(place, taker) as up:
            yield Served(place, up, instance)
    finally:
        drop_database(url, connection_parts(url).database + DAGSTER_SUFFIX)


@contextmanager
def _up(place: Place, taker: Sink) -> Iterator[subprocess.Popen[bytes]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = place.environment | {
        "EKIDEN_TIME_ZONE": place.settings.time_zone,
        "EKIDEN_CHANNEL": "sendgrid",
        "EKIDEN_SENDGRID_API_KEY": "SG.benchmark",
        "EKIDEN_SENDGRID_HOST": taker.http,
        WORKERS: os.environ.get(WORKERS, "1"),
    }
    command = [sys.executable, "-c", "from ekiden.cli import main; main()", "up", "--port", str(port)]
    # what it says is no figure; Ctrl-C reaches only us
    process = subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment, stdout=sys.stderr, start_new_session=True)
    try:
        yield process
    finally:
        # a second Ctrl-C does not leave anything behind
        on_end(signal.SIG_IGN)
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_PATIENCE)


def _tell(served: Served, customers: int, due: datetime, memory: Memory, report: Reporter) -> None:
    runs, ahead = served.runs(due)
    with served.place.connect() as connection:
        ready = connection.execute(READY, (due,)).fetchone()
        found = connection.execute(LEDGER, (due,)).fetchone()
        latency = latency_since(connection, due)
    assert ready is not None and found is not None  # an aggregate gives one row
    messages, people, first, last_sent_at, were_all_due = found
    if (messages, people) != (customers, customers) or not were_all_due:
        raise BenchmarkFailed(
            f"the ledger has {messages} messages to {people} customers, of {customers}; all due then: {were_all_due}"
        )
    if first < timedelta() or latency is None:
        raise BenchmarkFailed(f"a message was sent {-first} before it was due")
    report.figure("messages", messages, "messages")
    report.figure("workers", int(os.environ.get(WORKERS, "1")), "workers")
    report.figure("runs", runs, "runs")
    report.figure("run_started_before_due", ahead, "s")
    report.figure("first_worker_ready_before_due", ready[0].total_seconds(), "s")
    report.figure("due_to_accepted_first", first.total_seconds(), "s")
    report.figure("due_to_accepted_p50", latency.p50.total_seconds(), "s")
    report.figure("due_to_accepted_p95", latency.p95.total_seconds(), "s")
    report.figure("due_to_accepted_last", latency.longest.total_seconds(), "s")
    report.figure("from_due_to_last", messages / (last_sent_at - due).total_seconds(), "messages/s")
    if memory.peak is not None:
        report.figure("run_memory", memory.peak, "MB")
    if memory.peak is not None and memory.early is not None:
        report.figure("run_memory_growth", memory.peak / memory.early, "ratio", OF_EARLY_MEMORY)

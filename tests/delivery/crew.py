"""A crew of processes that can be killed: senders, the provider's stand-in, and a database server of their own.

Belongs here: starting, killing and starting again. Does not belong here: what may come of it (`test_rounds`).
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from random import Random
from typing import Any

import psycopg
from pydantic import SecretStr

from ekiden.database.connection import connect
from ekiden.database.embedded import EmbeddedServer
from ekiden.database.errors import DatabaseUnavailable
from ekiden.delivery.channels.base import ProviderStopped
from ekiden.delivery.channels.sendgrid.channel import SendGridChannel
from ekiden.delivery.pauses import SendingPaused
from ekiden.delivery.sending.send import send_due
from ekiden.scenarios.definition import MAIL_CHANNELS
from ekiden.schedule.runs import RunContext
from ekiden.settings import Settings
from tests.delivery.sink import Record, Whims, serve, wait_for
from tests.loopback import free_port

READ_SECONDS = 0.3
"""The sink on this machine answers in a few milliseconds; a stalled request costs a round no more than this."""

PATIENCE = 60.0
"""Seconds for a process to end, or to answer; it takes milliseconds."""

FORK = get_context("fork")
"""Forked: a new interpreter would spend seconds on imports, and these hold nothing the others may break."""


@dataclass
class Crew:
    """Who is at work; `clock` is one time for all of them, in seconds since 1970."""

    settings: Settings
    server: EmbeddedServer
    record: Record
    whims: Whims
    senders: int = 2
    port: int = field(default_factory=free_port)
    clock: Any = field(default_factory=lambda: FORK.Value("d", 0.0))
    processes: dict[str, BaseProcess] = field(default_factory=dict)
    killed: dict[str, int] = field(default_factory=dict)

    def at_work(self, random: Random) -> None:
        """See to it that everybody is at work; raise if a sender ended that nobody killed."""
        self.server.ensure_running()
        self._start("sink", serve, self.record, self._whims(random), self.port)
        wait_for(self.port)
        for number in range(self.senders):
            self._start(f"sender {number}", send_for_ever, self.settings, self.port, self.clock)

    def kill(self, who: str) -> None:
        """End a process as by SIGKILL, "database" being the server with all its children."""
        if who == "database":
            process_id = self.server.status().process_id
            assert process_id is not None
            os.kill(process_id, signal.SIGKILL)
        else:
            process = self.processes[who]
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join(PATIENCE)
        self.killed[who.split(maxsplit=1)[0]] = self.killed.get(who.split(maxsplit=1)[0], 0) + 1

    def at_rest(self) -> None:
        """Kill everybody but the database."""
        for who, process in self.processes.items():
            if process.is_alive():
                self.kill(who)

    def channel(self) -> SendGridChannel:
        """Return a channel for when everything works, however busy the machine is."""
        return channel_to(self.port, self.clock, PATIENCE)

    def _start(self, who: str, function: Callable[..., None], *arguments: object) -> None:
        process = self.processes.get(who)
        if process and process.is_alive():
            return
        assert process is None or process.exitcode == -signal.SIGKILL, (who, process.exitcode)
        self.processes[who] = FORK.Process(target=function, args=arguments, daemon=True)
        self.processes[who].start()

    def _whims(self, random: Random) -> Whims:
        # another sequence for each life of the sink
        return Whims(self.whims.shares, self.whims.takes, Random(random.random()), self.whims.reset_at)


@contextmanager
def at_work(crew: Crew) -> Iterator[Crew]:
    """End everybody with the block, however it ends."""
    try:
        yield crew
    finally:
        crew.at_rest()


def channel_to(port: int, clock: Any, seconds: float = READ_SECONDS) -> SendGridChannel:
    return SendGridChannel(
        SecretStr("SG.of-the-test"),
        host=f"http://127.0.0.1:{port}",
        clock=lambda: time_of(clock),
        connect_seconds=seconds,
        read_seconds=seconds,
    )


def time_of(clock: Any) -> datetime:
    return datetime.fromtimestamp(clock.value, UTC)


def send_for_ever(settings: Settings, port: int, clock: Any) -> None:
    """Send whatever is due, again and again: the whole of a sender's process.

    It gets over a lost database and a provider that turns it away, as the next run that a sensor starts would; anything
    else ends the process with an error, which the test sees.
    """
    channel = channel_to(port, clock)
    while True:
        try:
            with connect(settings, autocommit=True) as connection:
                connection.execute("set jit = off")
                while True:
                    send_due(
                        connection,
                        channel=channel,
                        step_channels=MAIL_CHANNELS,
                        settings=settings,
                        clock=lambda: time_of(clock),
                        context=RunContext("a sender"),
                    )
                    time.sleep(0.01)
        except (psycopg.OperationalError, DatabaseUnavailable, ProviderStopped, SendingPaused):
            time.sleep(0.02)

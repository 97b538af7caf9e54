"""A crowd of customers, and senders and planners in processes of their own that can be killed."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from uuid import UUID

from psycopg import Connection

from ekiden.database.connection import connect
from ekiden.delivery.channels.base import Channel, Delivery, Outcome, OutgoingMessage
from ekiden.delivery.sending.send import send_due
from ekiden.scenarios.definition import MAIL_CHANNELS
from ekiden.schedule.planning.plan import plan
from ekiden.schedule.runs import RunContext
from ekiden.settings import Settings
from tests.integration.ledger_fixtures import Shop

PATIENCE = 90.0  # seconds for a process to end, or for the server to notice; it takes a few at most on a quiet machine


@dataclass(frozen=True)
class Judge:
    """A provider that cannot be asked: a file with one durable line for every message it took."""

    file: Path
    name: str = "judge"

    def deliver(self, messages: Sequence[OutgoingMessage]) -> list[Delivery]:
        descriptor = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            for message in messages:
                os.write(descriptor, f"{message.message_id}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return [Delivery(message.message_id, Outcome.accepted, str(message.message_id)) for message in messages]

    def find(self, message_ids: Sequence[UUID]) -> None:
        return None

    def taken(self) -> Counter[UUID]:
        """Return how often it took each message."""
        text = self.file.read_text() if self.file.exists() else ""
        return Counter(UUID(line) for line in text.split())


def fill(shop: Shop, number: int) -> None:
    """Let `number` customers be eligible for `follow_up` by an order of yesterday."""
    shop.execute(
        "insert into raw.customers (customer_id, registered_at, email)"
        " select 'C' || n, '2023-01-01Z', 'c' || n || '@shop.example' from generate_series(1, %s) as n",
        number,
    )
    for table in ("follow_up", "follow_up_live"):
        shop.execute(
            f"insert into eligibility.{table} select 'C' || n, 'ordered', 'O' || n, '2024-03-08Z', '2024-03-08',"  # noqa: S608 - a name of our own
            " '{(,)}', '{}' from generate_series(1, %s) as n",
            number,
        )


def _send(connection: Connection, settings: Settings, channel: Channel, now: datetime) -> None:
    send_due(
        connection,
        channel=channel,
        step_channels=MAIL_CHANNELS,
        settings=settings,
        clock=lambda: now,
        context=RunContext("a process"),
    )


def send_all(settings: Settings, channel: Channel, now: datetime) -> None:
    """Send what is due on a connection of its own."""
    with connect(settings, autocommit=True) as connection:
        connection.execute("set jit = off")
        _send(connection, settings, channel, now)


def send_until(settings: Settings, channel: Channel, now: datetime, wanted: int) -> None:
    """Send again and again until `wanted` rows are sent."""
    deadline = time.monotonic() + PATIENCE
    with connect(settings, autocommit=True) as connection:
        while time.monotonic() < deadline:
            _send(connection, settings, channel, now)
            (sent,) = connection.execute("select count(*) from outreach.schedule_rows where state = 'sent'").fetchone()
            if sent >= wanted:
                return
            time.sleep(0.01)
    raise TimeoutError(f"{sent} of {wanted} rows were sent")


def plan_all(settings: Settings, now: datetime) -> None:
    """Plan today on a connection of its own."""
    today = now.astimezone(settings.zone).date()
    with connect(settings, autocommit=True) as connection:
        plan(connection, today, today, now=now, settings=settings, context=RunContext("a process"))


@contextmanager
def process(function: Callable[..., None], *arguments: object) -> Iterator[BaseProcess]:
    """Run a function in a process of its own, which is ended at the latest with the block."""
    # forked: a new interpreter would spend seconds on imports, and this one holds nothing the other may break
    started = get_context("fork").Process(target=function, args=arguments)
    started.start()
    try:
        yield started
    finally:
        if started.is_alive():
            os.kill(started.pid, signal.SIGKILL)
        started.join(PATIENCE)


def wait_until_alone(shop: Shop) -> None:
    """Wait until the server has noticed that every other client of the database is gone."""
    deadline = time.monotonic() + PATIENCE
    query = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    while shop.execute(query) != [(0,)]:
        if time.monotonic() > deadline:
            raise TimeoutError("other clients are still connected")
        time.sleep(0.005)

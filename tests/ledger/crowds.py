"""Crowds: many customers, processes that plan, send, export and act, and dumps of what they leave behind.

Belongs here: what each process does over and over, and how their work is compared. Does not belong here: what may come
of it (`test_at_once`, `test_killed`).
"""

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import psycopg

from ekiden.database.connection import connect
from ekiden.delivery.channels.base import Delivery, Outcome, OutgoingMessage, ProviderStopped
from ekiden.delivery.channels.batches import left_alone
from ekiden.delivery.lists.export import export_due
from ekiden.delivery.pauses import SendingPaused, resume
from ekiden.delivery.sending.send import send_due
from ekiden.scenarios.definition import MAIL_CHANNELS
from ekiden.schedule.operating.actions import ACTIONS
from ekiden.schedule.operating.operators import TooManyRows, operate
from ekiden.schedule.planning.plan import plan
from ekiden.schedule.rows import RowFilter
from ekiden.schedule.runs import RunContext
from ekiden.settings import Settings
from tests.integration.ledger_fixtures import STEP, Shop

FIRST_DAY = date(2024, 3, 9)
DAYS = 20
"""Local days over which the processes' clocks wander, each by itself."""


@dataclass(frozen=True)
class Provider:
    """A provider in a file: one durable line for every message it takes; `whims` seeds what else it says."""

    file: Path
    whims: int | None = None
    can_be_asked: bool = False
    name: str = "provider"

    def deliver(self, messages: list[OutgoingMessage]) -> list[Delivery]:
        random = Random(None if self.whims is None else f"{self.whims} {messages[0].message_id}")
        whims = [0.0 if self.whims is None else random.random() for _ in messages]
        if self.whims is not None and random.random() < 0.05:
            raise ProviderStopped("401", left_alone(messages, "401"))
        descriptor = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            for message, whim in zip(messages, whims, strict=True):
                if whim < 0.8 or 0.9 < whim < 0.95:
                    os.write(descriptor, f"{message.message_id}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return [_answer(message.message_id, whim) for message, whim in zip(messages, whims, strict=True)]

    def find(self, message_ids: list[UUID]) -> dict[UUID, Delivery] | None:
        if not self.can_be_asked:
            return None
        taken = self.taken()
        return {
            message: Delivery(message, Outcome.accepted if taken[message] else Outcome.not_sent, str(message))
            for message in message_ids
        }

    def taken(self) -> Counter[UUID]:
        """Return how often it took each message."""
        text = self.file.read_text() if self.file.exists() else ""
        return Counter(UUID(line) for line in text.split())


def _answer(message_id: UUID, whim: float) -> Delivery:
    if whim < 0.8:
        return Delivery(message_id, Outcome.accepted, str(message_id))
    if whim < 0.9:
        return Delivery(message_id, Outcome.not_sent if whim < 0.87 else Outcome.refused, detail="no")
    return Delivery(message_id, Outcome.unknown, detail="timed out")


def fill(shop: Shop, number: int, models: tuple[str, ...]) -> None:
    """Let `number` customers be eligible for each model, by an order on one of ten days until yesterday."""
    shop.execute(
        "insert into raw.customers (customer_id, registered_at, email)"
        " select 'C' || n, '2023-01-01Z', 'c' || n || '@shop.example' from generate_series(1, %s) as n",
        number,
    )
    for model in models:
        for table in (model, f"{model}_live"):
            shop.execute(
                f"insert into eligibility.{table} select 'C' || n, 'ordered', 'O' || n, day + time '10:00', day,"  # noqa: S608
                " '{(,)}', '{}' from generate_series(1, %s) as n,"
                " lateral (select date '2024-03-08' - n %% 10) as days (day)",
                number,
            )


def crowd_of_scenarios(shop: Shop) -> tuple[str, ...]:
    """Build four scenarios that compete, repeat, go by mail and by post; return their models."""
    steps = [STEP, STEP | {"offset_days": 2}, STEP | {"offset_days": 4}]
    shop.scenario("first", multi_delivery=False, priority=1, steps=steps)
    shop.scenario("second", multi_delivery=False, steps=steps, past_date_policy="send_now")
    shop.scenario("again", reentry="after_exit", on_retrigger="restart", steps=steps, on_skip="continue")
    shop.scenario("cards", steps=[STEP | {"channel": "dm"}, STEP | {"offset_days": 3}])
    return ("first", "second", "again", "cards")


@dataclass(frozen=True)
class Worker:
    """One process that works until a moment comes; what stops it that should not have goes into `faults`."""

    settings: Settings
    provider: Provider
    seed: int
    until: float
    faults: Path

    def work(self, act: Callable[["Worker", psycopg.Connection[Any], Random, datetime], None]) -> None:
        random = Random(self.seed)
        with connect(self.settings, autocommit=True) as connection:
            connection.execute("set jit = off")
            done = 0
            while time.time() < self.until:
                noon = datetime(2024, 3, 9, 12, tzinfo=self.settings.zone)
                now = noon + timedelta(hours=random.uniform(0, 24 * DAYS))
                try:
                    act(self, connection, random, now)
                    done += 1
                except (SendingPaused, ProviderStopped, TooManyRows):
                    continue
                except Exception as error:
                    with self.faults.open("a") as stream:
                        stream.write(f"{act.__name__}: {type(error).__name__}: {error}\n")
            with self.faults.with_suffix(".done").open("a") as stream:
                stream.write(f"{act.__name__} {done}\n")


def plans(worker: Worker, connection: psycopg.Connection[Any], random: Random, now: datetime) -> None:
    today = worker.settings.local_date(now)
    scenarios = random.choice([None, None, ["first"], ["second", "again"]])
    first = today - timedelta(days=random.choice([0, 0, 3]))
    plan(connection, first, today, now=now, settings=worker.settings, context=RunContext("p"), scenarios=scenarios)


def sends(worker: Worker, connection: psycopg.Connection[Any], random: Random, now: datetime) -> None:
    send_due(
        connection,
        channel=worker.provider,
        step_channels=MAIL_CHANNELS,
        settings=worker.settings,
        clock=lambda: now,
        context=RunContext("s"),
    )


def exports(worker: Worker, connection: psycopg.Connection[Any], random: Random, now: datetime) -> None:
    export_due(connection, now=now, settings=worker.settings, context=RunContext("e"))


def operates(worker: Worker, connection: psycopg.Connection[Any], random: Random, now: datetime) -> None:
    # as a person would: else the first 401 ends all sending
    resume(connection, None, reason="it takes mail again", now=now, context=RunContext("o"))
    # mostly what brings rows forward, else everything is soon over
    names = ["release"] * 4 + ["hold"] * 2 + ["complete", "block", "retry", "reopen", "reopen", "delete", "delete"]
    action = ACTIONS[random.choice(names)]
    choices = [
        RowFilter(scenario=random.choice(["first", "second", "again", "cards"])),
        RowFilter(step_no=random.randint(1, 3)),
        RowFilter(due_from=FIRST_DAY + timedelta(days=random.randint(0, DAYS))),
        RowFilter(customer=f"C{random.randint(1, 50)}"),
        RowFilter(),
    ]
    operate(
        connection,
        action,
        random.choice(choices),
        now=now,
        settings=worker.settings,
        context=RunContext("o"),
        limit=1_000_000,
        reason="because",
    )


def turns_facts(worker: Worker, connection: psycopg.Connection[Any], random: Random, now: datetime) -> None:
    """Let stop conditions come and go, as builds and orders do meanwhile."""
    customer = f"C{random.randint(1, 200)}"
    held = random.choice(["{}", "{}", "{(,)}"])
    for table in ("first", "first_live", "again", "again_live"):
        connection.execute(
            f"update eligibility.{table} set stop_during = %s::tstzmultirange where customer_id = %s",  # noqa: S608
            (held, customer),
        )
    time.sleep(0.01)


def dump(connection: psycopg.Connection[Any]) -> dict[str, list[tuple[Any, ...]]]:
    """Return what two undisturbed runs of the same planning agree on, canonical: all but ids, runs and moments."""
    return {
        name: connection.execute(query).fetchall()
        for name, query in {
            "enrolments": """
                select scenarios.scenario_code, customer_id, entry_key, anchor_kind, anchor_key, anchor_at, anchor_date,
                    state, exit_reason, partition_date, version_no, eligibility_build_id
                from outreach.enrolments inner join outreach.scenarios using (scenario_id)
                inner join outreach.scenario_versions using (scenario_version_id)
                order by 1, 2, 3, 5, 8
            """,
            "rows": """
                select scenario_code, rows.customer_id, anchor_key, step_no, channel, due_date, planned_send_at,
                    send_at, rows.state, reason, attempts, released_by, rows.partition_date, version_no
                from outreach.schedule_rows as rows inner join outreach.scenarios using (scenario_id)
                inner join outreach.enrolments using (enrolment_id)
                inner join outreach.scenario_versions as versions
                    on rows.scenario_version_id = versions.scenario_version_id
                order by 1, 2, 3, 4, 9
            """,
            "transitions": """
                select subject, transition, from_state, to_state, actor_kind, reason, count(*)
                from outreach.transitions group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6
            """,
            "decisions": """
                select day, scenario_code, customer_id, step_no, decision, rule, other_scenario_code, actor_kind
                from outreach.decisions order by 1, 2, 3, 4, 5, 6, 7, 8
            """,
        }.items()
    }

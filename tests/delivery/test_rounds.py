"""Senders, the provider and the database are killed (SIGKILL) at any moment, while the provider fails in every way.

Nothing is taken twice and nothing is lost; and once a person has settled what stays unknown by the provider's record,
the ledger says exactly what that record says. EKIDEN_DELIVERY_ROUNDS says how often somebody is killed:

    EKIDEN_DELIVERY_ROUNDS=200 pytest tests/delivery/test_rounds.py -s
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from ekiden.database.connection import connect
from ekiden.database.embedded import EmbeddedServer
from ekiden.database.migrations import migrate
from ekiden.delivery.pauses import resume
from ekiden.delivery.unknown.rows import Settled, UnknownFilter, unknown_rows
from ekiden.delivery.unknown.settle import settle
from ekiden.schedule.operating.actions import ACTIONS
from ekiden.schedule.operating.operators import operate
from ekiden.schedule.rows import RowFilter
from ekiden.settings import Settings
from tests.conftest import database_in, open_folder
from tests.delivery.crew import Crew, at_work, time_of
from tests.delivery.sink import Fault, Record, Whims
from tests.integration.delivery.crowd import fill
from tests.integration.ledger_fixtures import OPERATOR, STAGING, STEP, Shop
from tests.integration.ledger_invariants import broken_invariants

ROUNDS = int(os.environ.get("EKIDEN_DELIVERY_ROUNDS", "3"))
SEED = int(os.environ.get("EKIDEN_DELIVERY_SEED", "5"))
CUSTOMERS_A_ROUND = 10
"""Of a chain of three steps; with batches of five, so that each kill meets several batches at different stages."""

# of requests; one in ten fails, so that most batches go well and every kind comes up within a few hundred
SHARES = {fault: 0.1 / (len(Fault) - 2) for fault in Fault if fault not in (Fault.NONE, Fault.BAD_REQUEST_400)}


@pytest.fixture
def own_server() -> Iterator[EmbeddedServer]:
    """A database server that may be killed."""
    with open_folder() as folder:
        # a kill takes nothing from it that was committed; only a power failure would
        server = EmbeddedServer(folder / "postgres", durable=False)
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def own_shop(own_server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A shop on the server that may be killed."""
    for variable in os.environ:
        if variable.startswith("EKIDEN_"):
            monkeypatch.delenv(variable)
    limits = {
        "claim_batch_size": 5,
        "max_attempts": 100_000,
        "retry_after": timedelta(),
        "max_lateness": timedelta(days=3650),
    }
    url = SecretStr(database_in(own_server.ensure_running(), "ekiden"))
    settings = Settings(home=tmp_path / "home", database_url=url, time_zone="Asia/Tokyo", **limits)
    migrate(settings)
    with connect(settings, autocommit=True) as connection:
        connection.execute("set jit = off")
        connection.execute(STAGING)
    shop = Shop(settings, connection)
    connect_anew(shop)
    yield shop
    shop.connection.close()


def connect_anew(shop: Shop) -> None:
    """Connect once more: the database may have been killed under the test as well."""
    if not shop.connection.closed:
        shop.connection.close()
    shop.connection = connect(shop.settings, autocommit=True)
    shop.connection.execute("set jit = off")


def turn(shop: Shop, crew: Crew, now: datetime) -> None:
    shop.now = now
    crew.clock.value = now.timestamp()


def test_whoever_is_killed_nothing_is_taken_twice_and_nothing_is_lost(
    own_shop: Shop, own_server: EmbeddedServer, tmp_path: Path
) -> None:
    shop, random = own_shop, Random(SEED)
    shop.scenario(offset_basis="previous_step", steps=[STEP] * 3)
    fill(shop, CUSTOMERS_A_ROUND * ROUNDS)
    shop.at("2024-03-09 12:00")
    shop.plan("2024-03-09")
    operate(
        shop.connection,
        ACTIONS["release"],
        RowFilter(),
        now=shop.now,
        settings=shop.settings,
        context=OPERATOR,
        limit=1_000_000,
    )
    crew = Crew(shop.settings, own_server, Record(tmp_path / "taken"), Whims(SHARES))
    turn(shop, crew, shop.now)
    with at_work(crew):
        for _ in range(ROUNDS):
            crew.at_work(random)
            connect_anew(shop)
            # a provider that turned us away works again; without a pause this does nothing
            resume(shop.connection, None, reason="the next round", now=shop.now, context=OPERATOR)
            # a batch takes some tens of milliseconds
            time.sleep(random.uniform(0.02, 0.5))
            victims = ["sink", "database", *(f"sender {number}" for number in range(crew.senders))]
            for who in random.sample(victims, random.choice((1, 1, 2))):
                crew.kill(who)
            turn(shop, crew, shop.now + timedelta(hours=8))
    bring_to_an_end(shop, crew, random)

    taken = crew.record.taken()
    assert set(taken.values()) == {1}, "taken twice"
    rows = latest_attempts(shop)
    assert {state for _, state, _ in rows} <= {"sent", "ready", "held", "failed", "sending"}, "lost"
    # whatever is on its way is known to be unknown: no sender is left that could say
    assert {outcome for _, state, outcome in rows if state == "sending"} <= {"unknown"}, "lost"
    sent = {message for message, state, _ in rows if state == "sent"}
    unknown = {message for message, state, _ in rows if state == "sending"}
    assert sent <= set(taken) <= sent | unknown
    assert broken_invariants(shop.connection) == {}
    states = Counter(state for _, state, _ in rows)
    found = len(unknown & set(taken))
    print(f"\nkilled {crew.killed}; taken {len(taken)}; rows {dict(states)}; of the unknown taken {found}")

    settle_by(taken, unknown, shop)
    settled = latest_attempts(shop)
    assert {message for message, state, _ in settled if state == "sent"} == set(taken)
    assert not any(state == "sending" for _, state, _ in settled)
    assert dict(shop.execute("select message_id, count(*) from outreach.messages group by 1")) == taken
    assert shop.execute("select count(*) from outreach.settlements") == [(len(unknown),)]
    assert broken_invariants(shop.connection) == {}
    assert sent, "nothing happened"


def bring_to_an_end(shop: Shop, crew: Crew, random: Random) -> None:
    """Let everything work, and one sender send what is due on the days to come."""
    crew.senders, crew.whims = 0, Whims()
    crew.at_work(random)
    connect_anew(shop)
    resume(shop.connection, None, reason="all is well", now=shop.now, context=OPERATOR)
    with at_work(crew):
        # the day of the last kill, and those on which the last two steps of the last chain are due
        for _ in range(4):
            shop.send(channel=crew.channel(), clock=lambda: time_of(crew.clock))
            turn(shop, crew, shop.now + timedelta(days=2))
        shop.send(channel=crew.channel(), clock=lambda: time_of(crew.clock))


def latest_attempts(shop: Shop) -> list[tuple[Any, ...]]:
    return shop.execute(
        "select rows.message_id, rows.state, attempts.outcome from outreach.schedule_rows as rows"
        " left join outreach.attempts on rows.schedule_row_id = attempts.schedule_row_id"
        " and rows.attempts = attempts.attempt_no"
    )


def settle_by(taken: Counter[UUID], unknown: set[UUID], shop: Shop) -> None:
    """Settle what is unknown as a person does who has the provider's record."""
    listed = unknown_rows(
        shop.connection, UnknownFilter(), now=shop.now, unknown_after=shop.settings.unknown_after, limit=None
    )
    assert {row.message_id for row in listed} == unknown
    assert all(row.past_limit for row in listed)
    for settled, messages in ((Settled.SENT, unknown & set(taken)), (Settled.NOT_SENT, unknown - set(taken))):
        if not messages:
            continue
        report = settle(
            shop.connection,
            settled,
            UnknownFilter(rows=tuple(map(str, messages))),
            now=shop.now,
            settings=shop.settings,
            context=OPERATOR,
            reason="the provider's record",
            limit=len(messages),
        )
        assert (report.changed, report.not_changed) == (len(messages), ())

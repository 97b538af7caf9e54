"""Every fault of a provider, end to end: what the ledger says of its messages afterwards, and once it works again.

The table is the documentation (docs/unknown.md shows it in words); the sink's record is the judge of what was taken.
"""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from ekiden.delivery.channels.base import Delivery, Outcome, OutgoingMessage, ProviderBusy, ProviderStopped
from ekiden.delivery.channels.sendgrid.channel import SendGridChannel
from ekiden.delivery.pauses import resume
from tests.delivery.sink import STALL, Fault, Record, Sink, Whims
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop
from tests.integration.ledger_invariants import broken_invariants
from tests.loopback import free_port, serving

FIRST_DAY = date(2024, 3, 9)
SHORT, LONG = STALL / 2, 20.0
"""Seconds of patience: for an answer that never comes, and for what does come from a busy machine."""
REFUSED_CONNECTION = "refused connection"
CUT_TLS = "cut TLS"
GUILTY_ONE = "one of them is guilty"


@dataclass(frozen=True)
class Found:
    """What is found of a cell's two messages: their states, and the outcome of the latest attempt."""

    states: tuple[str, ...]
    outcomes: tuple[str | None, ...]
    taken: int
    """Messages that the provider took."""
    pauses: bool = False


@dataclass(frozen=True)
class Cell:
    """A fault, whether the messages were taken all the same, and what is to be found at once and in the end."""

    fault: str
    taken: bool
    at_once: Found
    in_the_end: Found


def both(state: str, outcome: str, taken: int, *, pauses: bool = False) -> Found:
    return Found((state, state), (outcome, outcome), taken, pauses)


SENT = both("sent", "accepted", 2)


def unknown(fault: Fault, *, taken: bool) -> Cell:
    """Nobody can know: on its way at once and in the end, and never posted again."""
    found = both("sending", "unknown", 2 if taken else 0)
    return Cell(fault, taken, found, found)


def not_taken(fault: str, *, pauses: bool = False) -> Cell:
    """Surely not taken, through no fault of the messages: ready again, and sent once the provider works."""
    return Cell(fault, False, both("ready", "not_sent", 0, pauses=pauses), SENT)


def refused(fault: Fault) -> Cell:
    """Surely not taken, nor would they be: they fail, for a person to look at."""
    found = both("failed", "refused", 0)
    return Cell(fault, False, found, found)


CELLS = (
    Cell(Fault.NONE, True, SENT, SENT),
    Cell(Fault.DRIP, True, SENT, SENT),
    not_taken(REFUSED_CONNECTION),
    not_taken(CUT_TLS),
    not_taken(Fault.UNAUTHORIZED_401, pauses=True),
    not_taken(Fault.FORBIDDEN_403, pauses=True),
    not_taken(Fault.TOO_MANY_429),
    refused(Fault.BAD_REQUEST_400),
    refused(Fault.TOO_LARGE_413),
    # the innocent one goes
    *[Cell(GUILTY_ONE, True, found, found) for found in [Found(("failed", "sent"), ("refused", "accepted"), 1)]],
    unknown(Fault.RESET_BEFORE_READING, taken=False),
    *[unknown(fault, taken=taken) for fault in Fault if fault.may_have_taken for taken in (False, True)],
)


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    with serving(Sink(Record(tmp_path / "taken"))) as server:
        yield server


@contextmanager
def cutting_tls() -> Iterator[str]:
    """An address at which every TLS handshake is cut after its first message."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def cut() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1000)

        thread = threading.Thread(target=cut, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        # closing alone does not wake who waits for a connection
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@contextmanager
def meeting(cell: Cell, sink: Sink, shop: Shop) -> Iterator[str]:
    """Let requests meet the cell's fault at the address it yields."""
    if cell.fault == REFUSED_CONNECTION:
        yield f"http://127.0.0.1:{free_port()}"
    elif cell.fault == CUT_TLS:
        with cutting_tls() as url:
            yield url
    else:
        shares = {} if cell.fault == GUILTY_ONE else {Fault(cell.fault): 1.0}
        in_a_minute = int((shop.now + timedelta(minutes=1)).timestamp())
        sink.whims = Whims(shares, takes=float(cell.taken), reset_at=in_a_minute)
        yield sink.url
        sink.whims = Whims()


def channel_to(url: str, shop: Shop, patience: float = LONG) -> SendGridChannel:
    key = SecretStr("SG.of-the-test")
    return SendGridChannel(key, host=url, clock=lambda: shop.now, connect_seconds=LONG, read_seconds=patience)


def customers(number: int) -> tuple[str, str]:
    return f"C{number:03}A", f"C{number:03}B"


def look(shop: Shop, sink: Sink, number: int) -> Found:
    found = shop.execute(
        "select rows.message_id, rows.state, attempts.outcome from outreach.schedule_rows as rows"
        " left join outreach.attempts on rows.schedule_row_id = attempts.schedule_row_id"
        " and rows.attempts = attempts.attempt_no"
        " where rows.customer_id = any(%s) order by rows.customer_id",
        list(customers(number)),
    )
    messages, states, outcomes = zip(*found, strict=True)
    taken = sink.record.taken()
    pauses = shop.execute("select count(*) from outreach.sending_pauses where resumed_at is null") != [(0,)]
    return Found(states, outcomes, sum(taken[message] for message in messages), pauses)


def test_the_ledger_says_of_every_fault_what_the_table_says(shop: Shop, sink: Sink) -> None:
    # a due date for each cell, so that each has its own two rows; all of them may go out at once
    shop.scenario(steps=[STEP], past_date_policy="send_now")
    days = [FIRST_DAY + timedelta(days=number) for number in range(len(CELLS))]
    for number, (cell, day) in enumerate(zip(CELLS, days, strict=True)):
        for customer in customers(number):
            is_guilty = cell.fault == GUILTY_ONE and customer.endswith("A")
            address = f"{'guilty-' if is_guilty else ''}{customer.lower()}@shop.example"
            shop.customer(customer, email=address)
            shop.eligible(customer, day - timedelta(days=1))
    shop.at(f"{days[-1]} 12:00")
    shop.plan(days[0].isoformat(), days[-1].isoformat())

    at_once = []
    for number, (cell, day) in enumerate(zip(CELLS, days, strict=True)):
        # longer than a provider that is busy asks to wait
        shop.now += timedelta(minutes=5)
        with meeting(cell, sink, shop) as url:
            patience = SHORT if cell.fault == Fault.STALL else LONG
            try:
                shop.send(channel=channel_to(url, shop, patience), due_date=day)
            except ProviderStopped:
                assert cell.at_once.pauses
        at_once.append(look(shop, sink, number))
        if at_once[-1].pauses:
            resume(shop.connection, None, reason="it works again", now=shop.now, context=OPERATOR)
    # later than what surely did not leave waits for its next try
    shop.now += timedelta(hours=1)
    shop.send(channel=channel_to(sink.url, shop))
    in_the_end = [look(shop, sink, number) for number in range(len(CELLS))]

    found = dict(zip(CELLS, zip(at_once, in_the_end, strict=True), strict=True))
    assert {cell: both for cell, both in found.items() if both != (cell.at_once, cell.in_the_end)} == {}
    assert set(sink.record.taken().values()) == {1}, "taken twice"
    assert broken_invariants(shop.connection) == {}


UNSTORABLE = "no\x00 \ud800\u202e名"
"""What no database takes, or what turns a line around, in what a provider says."""


@pytest.mark.parametrize("end", [None, ProviderStopped, ProviderBusy])
def test_whatever_a_provider_says_its_answers_are_recorded(shop: Shop, end: type | None) -> None:
    shop.scenario(steps=[STEP])
    shop.buyer("C1")
    shop.buyer("C2")
    shop.plan()
    shop.at(f"{FIRST_DAY} 12:00")

    def deliver(messages: Sequence[OutgoingMessage]) -> list[Delivery]:
        # in the order in which they came, whichever that is
        deliveries = [
            Delivery(message.message_id, Outcome.accepted, UNSTORABLE, UNSTORABLE)
            if message.to_address.startswith("c1")
            else Delivery(message.message_id, Outcome.not_sent if end else Outcome.refused, detail=UNSTORABLE)
            for message in messages
        ]
        if end is ProviderStopped:
            raise ProviderStopped(UNSTORABLE, deliveries)
        if end is ProviderBusy:
            raise ProviderBusy(UNSTORABLE, shop.now + timedelta(minutes=1), deliveries)
        return deliveries

    shop.channel.deliver = deliver
    try:
        shop.send()
    except ProviderStopped:
        assert end is ProviderStopped
    assert shop.states() == {("C1", 1): "sent", ("C2", 1): "ready" if end else "failed"}
    assert shop.execute("select distinct detail from outreach.attempts") == [("no   名",)]
    assert broken_invariants(shop.connection) == {}

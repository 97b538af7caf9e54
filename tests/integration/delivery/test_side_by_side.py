"""Several senders of one worker at once: when they are, and how they end."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
import pytest

from ekiden.delivery.channels.base import Carrier, Delivery, Outcome, OutgoingMessage, ProviderStopped
from ekiden.delivery.channels.batches import left_alone
from ekiden.delivery.sending import send, side_by_side
from ekiden.delivery.sending.compose import RowToSend
from ekiden.delivery.sending.send import SendCounts, SendReport
from ekiden.delivery.sending.side_by_side import Turn, send_side_by_side
from ekiden.scenarios.definition import MAIL_CHANNELS
from ekiden.settings import Settings
from tests.integration.ledger_fixtures import SENDER, RecordingChannel, Shop

PEOPLE = 60
"""Twenty batches of three: enough for somebody to be in the middle of them."""
LONGEST = 30
"""Seconds for which one sender waits for the other: a machine may be busy, and then it is no test that waits."""


class MeetingChannel(RecordingChannel):
    """Takes the first batch of each sender only when both are there; what comes later it takes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.both_are_there = threading.Barrier(2)
        self.senders: set[str] = set()
        self.first_does = lambda _: None
        self.told_to_end: threading.Event | None = None
        """Where there is one, the second sender's second batch waits until it is told to end."""

    def deliver(self, messages: Sequence[OutgoingMessage]) -> list[Delivery]:
        sender = threading.current_thread().name
        if sender not in self.senders:
            self.senders.add(sender)
            self.both_are_there.wait(LONGEST)
            if sender == "MainThread":
                self.first_does(messages)
        elif sender != "MainThread" and self.told_to_end:
            assert self.told_to_end.wait(LONGEST)
        return super().deliver(messages)


@dataclass
class Evening:
    """A shop in which much is due."""

    shop: Shop
    channel: MeetingChannel = field(default_factory=MeetingChannel)
    told: list[SendCounts] = field(default_factory=list)

    def send(self, senders: int = 2) -> list[SendReport]:
        settings = self.shop.settings.model_copy(update={"claim_batch_size": 3, "senders_per_worker": senders})
        channel = self.channel if senders > 1 else self.shop.channel
        turn = Turn(Carrier(channel, MAIL_CHANNELS), settings, lambda: self.shop.now, SENDER)
        return send_side_by_side(self.shop.connection, turn, progress=self.told.append)

    def sent(self) -> int:
        return int(self.shop.execute("select count(*) from outreach.messages")[0][0])


@pytest.fixture
def evening(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Evening:
    monkeypatch.setattr(side_by_side, "MANY", PEOPLE)
    shop.scenario()
    for number in range(PEOPLE):
        shop.buyer(f"C{number}")
    shop.plan()
    shop.at("2024-03-09 12:00")
    return Evening(shop)


def test_where_much_is_due_two_senders_share_it_and_nobody_is_written_to_twice(evening: Evening):
    reports = evening.send()
    assert len(evening.channel.senders) == 2
    assert len(reports) == 2
    assert all(report.counts.sent for report in reports)
    assert sum(report.counts.sent for report in reports) == evening.sent() == PEOPLE
    assert len({message.to_address for message in evening.channel.messages}) == len(evening.channel.messages) == PEOPLE


def test_one_sender_at_a_time_makes_messages(evening: Evening, monkeypatch: pytest.MonkeyPatch):
    makers: set[str] = set()
    alone = threading.Lock()
    compose_all = send.compose_all

    def compose(rows: Sequence[RowToSend], settings: Settings) -> object:
        assert alone.acquire(blocking=False)
        makers.add(threading.current_thread().name)
        # long enough for the other to come
        time.sleep(0.01)
        composed = compose_all(rows, settings)
        alone.release()
        return composed

    monkeypatch.setattr(send, "compose_all", compose)
    evening.send()
    assert makers == evening.channel.senders
    assert evening.sent() == PEOPLE


def test_python_switches_often_between_two_senders_and_is_as_before_afterwards(
    evening: Evening, monkeypatch: pytest.MonkeyPatch
):
    usual = sys.getswitchinterval()
    during: list[float] = []
    compose_all = send.compose_all

    def compose(rows: Sequence[RowToSend], settings: Settings) -> object:
        during.append(sys.getswitchinterval())
        return compose_all(rows, settings)

    monkeypatch.setattr(send, "compose_all", compose)
    evening.send()
    assert during == [pytest.approx(side_by_side.SWITCH_INTERVAL)] * len(during) != []
    assert sys.getswitchinterval() == usual > side_by_side.SWITCH_INTERVAL


def test_progress_is_that_of_all_senders_together(evening: Evening):
    evening.send()
    assert max(counts.sent for counts in evening.told) == PEOPLE


@pytest.mark.parametrize("senders", [1, 2])
def test_where_little_is_due_or_one_is_asked_for_there_is_one(evening: Evening, senders: int):
    if senders == 2:
        evening.shop.operate("hold", reason="not yet", customer="C0")
        evening.channel.both_are_there = threading.Barrier(1)
    (report,) = evening.send(senders)
    assert report.counts.sent == evening.sent() == PEOPLE - (senders - 1)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_what_ends_one_sender_ends_the_other_with_its_batch_and_loses_nothing(
    evening: Evening, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
):
    def fail(_: Sequence[OutgoingMessage]) -> None:
        raise error

    stop = threading.Event()
    monkeypatch.setattr(side_by_side, "Event", lambda: stop)
    evening.channel.first_does, evening.channel.told_to_end = fail, stop
    with pytest.raises(error):
        evening.send()
    states = Counter(row.state for row in evening.shop.rows())
    # the batch of the one that failed is settled by the next run, as after a crash
    assert states["sending"] == 3
    assert states["sent"] == evening.sent() == len(evening.channel.messages)
    # it may have begun a second batch when it was told
    assert states["sent"] in {3, 6}
    assert states["ready"] == PEOPLE - 3 - states["sent"]


def test_a_line_that_is_stopped_for_one_sender_is_stopped_for_the_other(
    evening: Evening, monkeypatch: pytest.MonkeyPatch
):
    def turn_away(messages: Sequence[OutgoingMessage]) -> None:
        raise ProviderStopped("401", left_alone(messages, "401"))

    stop = threading.Event()
    monkeypatch.setattr(side_by_side, "Event", lambda: stop)
    evening.channel.first_does, evening.channel.told_to_end = turn_away, stop
    with pytest.raises(ProviderStopped):
        evening.send()
    states = Counter(row.state for row in evening.shop.rows())
    assert states["sent"] in {3, 6}
    assert states["ready"] == PEOPLE - states["sent"]
    assert evening.shop.execute("select count(*) from outreach.sending_pauses where resumed_at is null") == [(1,)]


def test_a_database_that_has_no_session_to_spare_leaves_the_work_to_one(
    evening: Evening, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object, **__: object) -> None:
        raise psycopg.OperationalError("sorry, too many clients already")

    monkeypatch.setattr(psycopg, "connect", refuse)
    monkeypatch.setattr(psycopg.Connection, "connect", refuse)
    evening.channel.both_are_there = threading.Barrier(1)
    (report,) = evening.send()
    assert report.counts.sent == evening.sent() == PEOPLE
    assert {Outcome.accepted.value} == {row[0] for row in evening.shop.execute("select outcome from outreach.attempts")}

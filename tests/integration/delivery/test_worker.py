"""One send worker: what it waits for, and how long its messages took."""

import gc
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import pytest

from ekiden.delivery.channels.base import Carrier, Outcome
from ekiden.delivery.latency import latency_of, latency_since
from ekiden.delivery.pauses import SendingPaused, pause
from ekiden.delivery.sending.contents import ContentsBroken
from ekiden.delivery.sending.worker import BETWEEN_COLLECTIONS, IMPATIENT, CarrierReport, Patience, send_all_due
from ekiden.scenarios.definition import MAIL_CHANNELS
from tests.integration.ledger_fixtures import OPERATOR, SENDER, STEP, RecordingChannel, Shop

A_MINUTE = Patience(ahead=timedelta(minutes=1), longest=timedelta(minutes=15))


@dataclass
class Night:
    """A shop whose clock moves only while a worker sleeps."""

    shop: Shop
    slept: list[datetime] = field(default_factory=list)

    def work(self, patience: Patience = A_MINUTE) -> list[CarrierReport]:
        return send_all_due(
            self.shop.connection,
            carriers=[Carrier(self.shop.channel, MAIL_CHANNELS)],
            settings=self.shop.settings,
            clock=lambda: self.shop.now,
            context=SENDER,
            patience=patience,
            sleep=self.sleep,
        )

    def sleep(self, seconds: float) -> None:
        self.shop.now += timedelta(seconds=seconds)
        self.slept.append(self.shop.now)

    def sent(self) -> list[tuple[str, str]]:
        return [
            (customer, f"{at.astimezone(self.shop.settings.zone):%H:%M:%S}")
            for customer, at in self.shop.execute("select customer_id, sent_at from outreach.messages order by sent_at")
        ]


@pytest.fixture
def night(shop: Shop) -> Night:
    """C1 is due at noon, C2 a minute later, C3 at two."""
    for number, send_time in enumerate(("12:00", "12:01", "14:00"), start=1):
        code = f"scenario_{number}"
        shop.scenario(code, steps=[STEP | {"send_time": send_time}])
        shop.customer(f"C{number}")
        shop.eligible(f"C{number}", "2024-03-08", model=code)
    shop.plan()
    return Night(shop)


def test_python_seldom_looks_for_garbage_while_a_worker_sends_and_then_as_before(night: Night):
    before, during = gc.get_threshold(), []
    night.shop.channel.before_answering = lambda: during.append(gc.get_threshold()[0])
    night.shop.at("2024-03-09 12:01:00")
    night.work(IMPATIENT)
    assert during == [BETWEEN_COLLECTIONS]
    pause(night.shop.connection, None, reason="look", now=night.shop.now, context=OPERATOR)
    with pytest.raises(SendingPaused):
        night.work()
    assert gc.get_threshold() == before


def test_a_worker_that_starts_early_waits_for_the_minute_and_goes_on_with_the_next(night: Night):
    night.shop.at("2024-03-09 11:59:35")
    reports = night.work()
    assert night.sent() == [("C1", "12:00:00"), ("C2", "12:01:00")]
    assert sum(each.report.counts.sent for each in reports) == 2
    assert all(
        sent_at >= send_at for sent_at, send_at in night.shop.execute("select sent_at, send_at from outreach.messages")
    )
    # the one of two o'clock is another run's
    assert len(night.slept) == 2


def test_a_worker_without_patience_sends_what_is_due_and_ends(night: Night):
    night.shop.at("2024-03-09 12:00:30")
    night.work(IMPATIENT)
    assert (night.sent(), night.slept) == ([("C1", "12:00:30")], [])


def test_a_worker_works_no_longer_than_it_may(night: Night):
    night.shop.at("2024-03-09 11:59:35")
    night.work(Patience(ahead=timedelta(minutes=1), longest=timedelta(minutes=1)))
    assert night.sent() == [("C1", "12:00:00")]


def test_a_clock_that_stands_still_keeps_nobody_waiting_for_ever(night: Night, monkeypatch):
    night.shop.at("2024-03-09 11:59:35")
    monkeypatch.setattr(night, "sleep", night.slept.append)
    night.work()
    assert (len(night.slept), night.sent()) == (1, [])


def test_a_provider_that_is_back_within_the_minute_is_waited_for(night: Night, monkeypatch):
    night.shop.at("2024-03-09 12:00:00")
    night.shop.channel.busy_until = night.shop.local("2024-03-09 12:00:20")
    sleep = night.sleep

    def until_it_is_back(seconds: float) -> None:
        sleep(seconds)
        night.shop.channel.busy_until = None

    monkeypatch.setattr(night, "sleep", until_it_is_back)
    night.work()
    assert night.sent()[0] == ("C1", "12:00:20")


def test_a_pause_while_a_worker_waits_ends_it_and_a_pause_before_it_began_is_told(night: Night, monkeypatch):
    night.shop.at("2024-03-09 11:59:35")

    def somebody_pauses(_: float) -> None:
        night.shop.now += timedelta(minutes=1)
        pause(night.shop.connection, None, reason="a wrong price", now=night.shop.now, context=OPERATOR)

    monkeypatch.setattr(night, "sleep", somebody_pauses)
    assert len(night.work()) == 1
    assert night.sent() == []
    with pytest.raises(SendingPaused, match="a wrong price"):
        night.work()


def with_broken_content(night: Night) -> None:
    """C4 is due at noon as well, and the content for it is not there."""
    night.shop.scenario("broken", steps=[STEP | {"content": "sample/nothing"}])
    night.shop.customer("C4")
    night.shop.eligible("C4", "2024-03-08", model="broken")
    night.shop.at("2024-03-09 11:00")
    night.shop.plan()


def test_a_broken_content_is_told_when_everything_else_is_sent(night: Night):
    with_broken_content(night)
    night.shop.at("2024-03-09 12:00:30")
    with pytest.raises(ContentsBroken, match="sample/nothing"):
        night.work()
    assert [customer for customer, _ in night.sent()] == ["C1", "C2"]


def test_a_broken_content_is_told_also_where_a_pause_ends_the_work(night: Night, monkeypatch):
    with_broken_content(night)
    night.shop.at("2024-03-09 12:00")

    def pauses(seconds: float) -> None:
        pause(night.shop.connection, None, reason="wrong price", now=night.shop.now, context=OPERATOR)
        Night.sleep(night, seconds)

    monkeypatch.setattr(night, "sleep", pauses)
    with pytest.raises(ContentsBroken):
        night.work()


def test_the_latency_counts_from_the_first_due_time_and_from_a_release(night: Night):
    shop = night.shop
    shop.channel.answers["c1@shop.example"] = Outcome.not_sent
    shop.at("2024-03-09 12:00:10")
    night.work(IMPATIENT)
    shop.operate("hold", customer="C2", reason="wait")
    shop.channel.answers.clear()
    shop.at("2024-03-09 12:30")
    shop.operate("release", customer="C2")
    shop.at("2024-03-09 12:30:05")
    runs = [each.report.run_id for each in night.work(IMPATIENT)]
    seconds = "extract(epoch from sent_at - due_at)::integer"
    assert shop.execute(f"select customer_id, {seconds} from outreach.messages order by 1") == [("C1", 1805), ("C2", 5)]  # noqa: S608 - of our own
    found = latency_of(shop.connection, runs)
    assert (found.messages, found.longest) == (2, timedelta(seconds=1805))
    assert (found.p50, found.p95) == (timedelta(seconds=905), timedelta(seconds=1715))
    assert latency_since(shop.connection, shop.now + timedelta(seconds=1)) is None
    assert str(found) == "p50 905.0 s, p95 1,715.0 s, at most 1,805.0 s (2 messages)"


def test_a_long_queue_of_one_channel_keeps_no_other_from_its_minute(night: Night):
    shop = night.shop
    shop.settings = shop.settings.model_copy(update={"options": frozenset({"line"})})
    shop.scenario("by_line", steps=[STEP | {"channel": "line"}])
    for number in range(6):
        shop.customer(f"L{number}", line_user_id="U" + f"{number:032x}")
        shop.eligible(f"L{number}", "2024-03-08", model="by_line")
    shop.plan()
    line = RecordingChannel()
    line.name = "line"
    line.before_answering = partial(night.sleep, 40)
    shop.at("2024-03-09 12:00")
    send_all_due(
        shop.connection,
        carriers=[Carrier(shop.channel, MAIL_CHANNELS), Carrier(line, ("line",), batch_size=1)],
        settings=shop.settings,
        clock=lambda: shop.now,
        context=SENDER,
    )
    sent = dict(night.sent())
    by_line = sorted(at for customer, at in sent.items() if customer.startswith("L"))
    assert (len(sent), by_line[0], sent["C2"], by_line[-1]) == (8, "12:00:40", "12:01:20", "12:04:00")

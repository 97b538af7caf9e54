"""A sender that is stuck, or cannot be reached, while the server still believes in its session."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from ekiden.database.connection import connect
from ekiden.delivery.channels.base import Channel, Delivery, Outcome, OutgoingMessage
from ekiden.delivery.channels.batches import left_alone
from ekiden.delivery.sending import send
from ekiden.delivery.sending.lease import Lease
from ekiden.delivery.sending.record import record
from ekiden.scenarios.definition import MAIL_CHANNELS
from ekiden.schedule.runs import acting, start_run
from ekiden.settings import Settings
from tests.integration.delivery.crowd import PATIENCE, Judge, fill, process, send_all
from tests.integration.ledger_fixtures import OPERATOR, SENDER, RecordingChannel, Shop
from tests.integration.ledger_invariants import broken_invariants

BATCH, CROWD = 5, 12


@pytest.fixture
def crowd(shop: Shop) -> Shop:
    """More rows due than two senders claim at a time."""
    shop.settings = shop.settings.model_copy(update={"claim_batch_size": BATCH})
    shop.scenario()
    fill(shop, CROWD)
    shop.plan()
    shop.at("2024-03-09 12:00")
    return shop


def impatient(settings: Settings) -> Settings:
    """A sender that gives no sign for so long is given up: longer than a batch takes on a busy machine (1 s)."""
    return settings.model_copy(update={"dispatcher_lease": timedelta(seconds=4)})


class StopsOnce:
    """A channel whose process is stopped with its first batch, before or after the provider takes it."""

    def __init__(self, judge: Judge, when: str) -> None:
        self.judge, self.when, self.name = judge, when, judge.name

    def deliver(self, messages: Sequence[OutgoingMessage]) -> list[Delivery]:
        self._stop_if("before")
        deliveries = self.judge.deliver(messages)
        self._stop_if("after")
        return deliveries

    def find(self, message_ids: Sequence[UUID]) -> None:
        return None

    def _stop_if(self, when: str) -> None:
        if self.when == when:
            self.when = "never again"
            os.kill(os.getpid(), signal.SIGSTOP)


def send_stopped_within_a_transaction(settings: Settings, channel: Channel, now: datetime) -> None:
    compose = send.compose_all

    def stop(*arguments):
        os.kill(os.getpid(), signal.SIGSTOP)
        return compose(*arguments)

    send.compose_all = stop
    send_all(settings, channel, now)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it never came true")
        time.sleep(0.01)


def is_stopped(process_id: int) -> bool:
    return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_stuck_senders_rows_are_unknown_when_the_lease_ends_and_their_late_answers_settle_them(crowd: Shop, tmp_path):
    judge = Judge(tmp_path / "taken")
    stuck = [StopsOnce(judge, "before"), StopsOnce(judge, "after")]
    with ExitStack() as senders:
        processes = [
            senders.enter_context(process(send_all, impatient(crowd.settings), channel, crowd.now)) for channel in stuck
        ]
        for sender in processes:
            wait_until(partial(is_stopped, sender.pid))
        crowd.send(channel=judge)
        wait_until(lambda: not lease_lasts(crowd))
        crowd.send(channel=judge)
        standing = crowd.execute(
            "select rows.state, attempts.outcome, count(*) from outreach.schedule_rows as rows"
            " inner join outreach.attempts using (schedule_row_id) group by 1, 2 order by 1"
        )
        assert standing == [("sending", "unknown", 2 * BATCH), ("sent", "accepted", CROWD - 2 * BATCH)]
        for sender in processes:
            os.kill(sender.pid, signal.SIGCONT)
            sender.join(PATIENCE)
            assert sender.exitcode == 0

    assert (len(judge.taken()), set(judge.taken().values())) == (CROWD, {1})
    assert {row.state for row in crowd.rows()} == {"sent"}
    assert crowd.execute("select count(*) from outreach.messages") == [(CROWD,)]
    assert crowd.execute("select count(*) from outreach.attempts where outcome = 'accepted'") == [(CROWD,)]
    assert broken_invariants(crowd.connection) == {}


def lease_lasts(shop: Shop) -> bool:
    return shop.execute(
        "select exists (select from outreach.dispatchers where ended_at is null and lease_until > clock_timestamp())"
    )[0][0]


def test_a_sender_stuck_within_a_transaction_is_ended_by_the_server_and_leaves_its_rows_as_they_were(
    crowd: Shop, tmp_path
):
    judge = Judge(tmp_path / "taken")
    with process(send_stopped_within_a_transaction, impatient(crowd.settings), judge, crowd.now) as stuck:
        wait_until(lambda: is_stopped(stuck.pid))
        wait_until(lambda: crowd.send(channel=judge) and len(judge.taken()) == CROWD)
        os.kill(stuck.pid, signal.SIGCONT)
        stuck.join(PATIENCE)
        assert stuck.exitcode == 1  # its session is gone
    assert set(judge.taken().values()) == {1}
    assert {row.state for row in crowd.rows()} == {"sent"}
    assert broken_invariants(crowd.connection) == {}


def test_a_sender_that_was_held_up_past_its_lease_posts_nothing(crowd: Shop, monkeypatch):
    with monkeypatch.context() as held_up:
        held_up.setattr(Lease, "is_over", property(lambda _: True))
        held_up.setattr(send, "look_at_due", once(send.look_at_due))
        crowd.send()
    assert crowd.channel.messages == []
    assert {row.state for row in crowd.rows()} == {"ready"}
    crowd.now += timedelta(hours=1)
    assert crowd.send().counts.sent == CROWD


def once(function):
    """The first batch, and then nothing that is due."""
    calls = []

    def called(connection, **changes):
        calls.append(1)
        if len(calls) > 1:
            changes["now"] -= timedelta(days=1)
        return function(connection, **changes)

    return called


@pytest.mark.parametrize("late", [Outcome.accepted, Outcome.not_sent, Outcome.unknown])
def test_a_late_answer_says_nothing_about_a_try_that_another_made_since(shop: Shop, late: Outcome):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.channel.answers["c1@shop.example"] = late

    class GivesUp(RecordingChannel):
        def deliver(self, messages: Sequence[OutgoingMessage]) -> list[Delivery]:
            raise KeyboardInterrupt

    def another_tries_meanwhile() -> None:
        shop.channel.before_answering = lambda: None
        row = shop.row()
        with connect(shop.settings, autocommit=True) as other:
            run_id = start_run(other, "operate", "dispatcher", OPERATOR, now=shop.now)
            with acting(other, "dispatcher", OPERATOR, run_id, now=shop.now):
                (answer,) = left_alone([shop.channel.messages[0]], "somebody said so")
                record(
                    other,
                    [(row.schedule_row_id, answer)],
                    now=shop.now,
                    settings=shop.settings,
                    run_id=run_id,
                )
            with pytest.raises(KeyboardInterrupt):
                send.send_due(
                    other,
                    channel=GivesUp(),
                    step_channels=MAIL_CHANNELS,
                    settings=shop.settings,
                    clock=lambda: shop.now,
                    context=SENDER,
                )

    shop.channel.before_answering = another_tries_meanwhile
    shop.send()
    attempts = shop.execute("select attempt_no, outcome from outreach.attempts order by attempt_no")
    assert attempts == [(1, "not_sent"), (2, None)]
    assert shop.row().state == "sending"
    assert shop.execute("select count(*) from outreach.messages") == [(0,)]


def test_a_sender_is_known_by_its_place_while_it_works_and_ends_its_lease(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-09 12:00")
    seen = []
    shop.channel.before_answering = lambda: seen.extend(
        shop.execute(
            "select process_id, ended_at is null, lease_until > clock_timestamp(), runs.actor"
            " from outreach.dispatchers inner join outreach.runs using (run_id)"
        )
    )
    shop.send()
    assert seen == [(os.getpid(), True, True, SENDER.actor)]
    assert shop.execute("select ended_at is not null, lease_until <= clock_timestamp() from outreach.dispatchers") == [
        (True, True)
    ]
    assert shop.execute("show idle_in_transaction_session_timeout") == [("0",)]
    assert shop.execute("select count(*) from pg_locks where locktype = 'advisory'") == [(0,)]


@pytest.mark.parametrize(
    ("of_the_server", "in_the_ledger"), [("off", "on"), ("on", "on"), ("remote_apply", "remote_apply")]
)
def test_what_the_ledger_says_is_on_disk_when_it_is_committed(shop: Shop, of_the_server: str, in_the_ledger: str):
    shop.execute(f"set synchronous_commit = {of_the_server}")
    shop.scenario()
    with acting(shop.connection, "dispatcher", OPERATOR, shop.plan().run_id, now=shop.now):
        assert shop.execute("show synchronous_commit") == [(in_the_ledger,)]
    assert shop.execute("show synchronous_commit") == [(of_the_server,)]

"""Whatever is killed, and whoever works at the same time: nothing is sent twice and nothing is lost."""

import time
from contextlib import ExitStack
from datetime import timedelta
from random import Random

import pytest
from psycopg.errors import QueryCanceled

from ekiden.delivery.channels.outbox import OutboxChannel
from ekiden.delivery.sending import send
from tests.integration.delivery.crowd import (
    PATIENCE,
    Judge,
    fill,
    plan_all,
    process,
    send_all,
    send_until,
    wait_until_alone,
)
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop, reconcile_alone
from tests.integration.ledger_invariants import broken_invariants, snapshot

NOON = "2024-03-09 12:00"


def patient(shop: Shop, **changes) -> None:
    """Small batches, so that there is much to interrupt; no limits that rounds of crashes would run into."""
    limits = {"claim_batch_size": 20, "max_attempts": 1000, "max_lateness": timedelta(days=365)}
    shop.settings = shop.settings.model_copy(update=limits | changes)


def kill_senders(shop: Shop, channel, *, rounds: int, random: Random) -> None:
    """Let senders begin and kill each at some point; every round is a day later, when retries are due."""
    for _ in range(rounds):
        with process(send_all, shop.settings, channel, shop.now) as sender:
            # a batch takes some tens of milliseconds: before the first, within one, or after a few
            sender.join(random.uniform(0.01, 0.3))
        wait_until_alone(shop)
        shop.now += timedelta(days=1)


def test_killed_senders_of_a_provider_that_cannot_be_asked_send_nothing_twice(shop: Shop, tmp_path):
    patient(shop)
    shop.scenario()
    fill(shop, 600)
    shop.plan()
    shop.at(NOON)
    judge = Judge(tmp_path / "taken")
    kill_senders(shop, judge, rounds=12, random=Random(7))
    for _ in range(2):  # the second time sends what the first found never posted
        send_all(shop.settings, judge, shop.now)
        shop.now += timedelta(days=1)

    taken = judge.taken()
    assert set(taken.values()) == {1}
    rows = shop.execute(
        "select rows.message_id, rows.state, attempts.posted_at is not null, attempts.outcome"
        " from outreach.schedule_rows as rows inner join outreach.attempts"
        " on rows.schedule_row_id = attempts.schedule_row_id and rows.attempts = attempts.attempt_no"
    )
    assert len(rows) == 600
    # sent, or posted by a sender that could not say what became of it: then it waits for a person
    assert {row[1:] for row in rows} <= {("sent", True, "accepted"), ("sending", True, "unknown")}
    assert {message for message, state, *_ in rows if state == "sent"} <= set(taken)
    assert {message for message, state, *_ in rows if state == "sending"} >= set(taken) - {
        message for message, state, *_ in rows if state == "sent"
    }
    assert broken_invariants(shop.connection) == {}


@pytest.mark.parametrize("error", [QueryCanceled("canceling statement due to statement timeout"), KeyboardInterrupt()])
def test_what_fails_before_the_claim_is_committed_leaves_every_row_ready(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, error: BaseException
):
    shop.scenario()
    fill(shop, 3)
    shop.plan()
    shop.at(NOON)

    def fails(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        # the last statement before the post
        patched.setattr(send, "carried_already", fails)
        with pytest.raises(type(error)):
            shop.send()
    assert (set(shop.states().values()), shop.channel.messages) == ({"ready"}, [])
    assert shop.send().counts.sent == 3


def test_killed_senders_of_the_outbox_leave_every_message_there_once(shop: Shop):
    patient(shop)
    shop.scenario()
    fill(shop, 300)
    shop.plan()
    shop.at(NOON)
    outbox = OutboxChannel(shop.settings.outbox)
    kill_senders(shop, outbox, rounds=6, random=Random(11))
    for _ in range(2):
        send_all(shop.settings, outbox, shop.now)
        shop.now += timedelta(days=1)

    assert {row.state for row in shop.rows()} == {"sent"}
    files = {file.stem for file in (shop.settings.outbox / "new").iterdir()}
    assert files == {str(row.message_id) for row in shop.rows()}
    assert broken_invariants(shop.connection) == {}


def test_a_sender_that_vanished_is_told_from_one_that_lives(shop: Shop, tmp_path):
    shop.scenario()
    fill(shop, 5)
    shop.plan()
    shop.at(NOON)

    def reconcile_meanwhile() -> None:
        # the sender is in the middle of its batch, and its lock is held by this very connection
        other = reconcile_alone(
            shop.connection, channel=shop.channel, settings=shop.settings, now=shop.now, context=OPERATOR
        )
        assert (other.sent, other.failed, other.unknown) == (0, 0, 0)

    shop.channel.before_answering = reconcile_meanwhile
    assert shop.send().counts.sent == 5


@pytest.mark.parametrize("steps", [1, 2])
def test_planners_and_senders_at_the_same_time_get_in_nobodys_way(shop: Shop, tmp_path, steps: int):
    crowd = 800
    patient(shop, claim_batch_size=100)
    shop.scenario(offset_basis="previous_step", zero_day="same_day", steps=[STEP | {"offset_days": 1}, STEP][:steps])
    fill(shop, crowd)
    shop.at(NOON)
    judge = Judge(tmp_path / "taken")
    with ExitStack() as processes:
        planners = [processes.enter_context(process(plan_all, shop.settings, shop.now)) for _ in range(2)]
        senders = [processes.enter_context(process(send_until, shop.settings, judge, shop.now, crowd)) for _ in "ab"]
        for each in (*planners, *senders):
            each.join(PATIENCE)
        assert [each.exitcode for each in (*planners, *senders)] == [0, 0, 0, 0]

    taken = judge.taken()
    assert (len(taken), set(taken.values())) == (crowd, {1})
    assert {row.state for row in shop.rows(step_no=1)} == {"sent"}
    assert len(shop.rows()) == crowd * steps
    assert shop.execute("select count(distinct claimed_by) >= 1, count(*) from outreach.attempts") == [(True, crowd)]
    assert broken_invariants(shop.connection) == {}


@pytest.mark.parametrize("end", ["killed", "terminated"])
def test_a_planner_that_was_interrupted_leaves_nothing_behind_that_planning_again_does_not_mend(shop: Shop, end: str):
    shop.scenario()
    fill(shop, 2000)
    shop.at("2024-03-09 06:00")
    started = time.monotonic()
    shop.plan()
    takes = time.monotonic() - started
    undisturbed = snapshot(shop.connection)
    assert len(undisturbed) == 2000

    shop.execute(
        "truncate outreach.enrolments, outreach.schedule_rows, outreach.transitions, outreach.runs, outreach.attempts,"
        " outreach.messages, outreach.sweeps cascade"
    )
    random = Random(3)
    for _ in range(4):
        with process(plan_all, shop.settings, shop.now) as planner:
            planner.join(random.uniform(0.1, 1) * takes)
            if end == "terminated":
                shop.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid()"
                )
                planner.join(PATIENCE)
        wait_until_alone(shop)
        # all or nothing
        assert shop.execute("select count(*) from outreach.schedule_rows") in ([(0,)], [(2000,)])
    shop.plan()
    assert snapshot(shop.connection) == undisturbed
    assert broken_invariants(shop.connection) == {}

"""What became of rows whose sender is gone."""

from datetime import timedelta

import pytest

from ekiden.database.connection import connect
from ekiden.delivery.channels.base import Delivery, Outcome
from ekiden.delivery.sending.due import count_lost_claims
from ekiden.delivery.sending.record import Recorded
from tests.integration.ledger_fixtures import OPERATOR, STEP, RecordingChannel, Shop, reconcile_alone
from tests.integration.ledger_invariants import broken_invariants


class SenderVanished(Exception):
    """The sending process is gone right after the provider took its messages."""


@pytest.fixture
def vanished(shop: Shop) -> Shop:
    """C1's message was posted, and its sender is gone."""
    shop.scenario(steps=[STEP, STEP | {"offset_days": 3}])
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-09 12:00")

    def vanish() -> None:
        raise SenderVanished

    shop.channel.before_answering = vanish
    with pytest.raises(SenderVanished):
        shop.send()
    shop.channel.before_answering = lambda: None
    assert shop.row().state == "sending"
    shop.now += timedelta(minutes=10)
    yield shop
    assert broken_invariants(shop.connection) == {}


def settle(shop: Shop, outcome: Outcome | None = None, channel: RecordingChannel | None = None) -> Recorded:
    """Reconcile while the provider says `outcome` of every message, or cannot be asked."""
    used = channel or shop.channel
    if outcome is not None:
        used.found = {row.message_id: Delivery(row.message_id, outcome, "found") for row in shop.rows()}
    return reconcile_alone(shop.connection, channel=used, settings=shop.settings, now=shop.now, context=OPERATOR)


def test_a_vanished_sender_is_seen(vanished: Shop):
    assert count_lost_claims(vanished.connection).rows == 1


def test_what_the_provider_has_is_sent_and_goes_on(vanished: Shop):
    assert settle(vanished, Outcome.accepted) == Recorded(sent=1)
    assert vanished.states() == {("C1", 1): "sent", ("C1", 2): "ready"}
    assert vanished.execute("select provider_message_id from outreach.messages") == [("found",)]
    assert len(vanished.channel.messages) == 1


def test_what_the_provider_does_not_have_is_sent_again_under_the_same_id(vanished: Shop):
    vanished.channel.found = {}
    assert settle(vanished) == Recorded(failed=1, tried_again=1)
    assert vanished.row().state == "ready"
    vanished.channel.found = None
    vanished.now += vanished.settings.retry_after
    vanished.send()
    first, second = vanished.channel.messages
    assert first.message_id == second.message_id
    assert vanished.states()["C1", 1] == "sent"


def test_what_the_provider_refused_has_failed(vanished: Shop):
    assert settle(vanished, Outcome.refused) == Recorded(failed=1)
    assert vanished.row().state == "failed"


def test_what_nobody_can_say_stays_unknown_until_somebody_can(vanished: Shop):
    assert settle(vanished) == Recorded(unknown=1)
    assert (vanished.row().state, count_lost_claims(vanished.connection).rows) == ("sending", 0)
    vanished.send()
    assert len(vanished.channel.messages) == 1
    assert settle(vanished, Outcome.accepted) == Recorded(sent=1)


def test_a_send_run_begins_with_what_earlier_senders_left_behind(vanished: Shop):
    row = vanished.row()
    vanished.channel.found = {row.message_id: Delivery(row.message_id, Outcome.accepted, "found")}
    assert vanished.send().reconciled == Recorded(sent=1)


def test_what_another_channel_posted_is_not_asked_of_this_one(vanished: Shop):
    another = RecordingChannel()
    another.name = "another"
    assert settle(vanished, Outcome.not_sent, another) == Recorded(unknown=1)
    assert (vanished.row().state, count_lost_claims(vanished.connection).rows) == ("sending", 0)


def test_what_was_never_posted_is_free_again_whoever_had_it(vanished: Shop):
    vanished.execute("update outreach.attempts set posted_at = null")
    another = RecordingChannel()
    another.name = "another"
    assert settle(vanished, channel=another) == Recorded(failed=1, tried_again=1)
    assert vanished.row().state == "ready"


def test_reconciling_twice_changes_nothing(vanished: Shop):
    settle(vanished, Outcome.accepted)
    assert settle(vanished, Outcome.accepted) == Recorded()
    assert vanished.execute("select count(*) from outreach.messages") == [(1,)]


def test_what_was_learnt_of_an_unknown_outcome_is_not_overwritten(shop: Shop):
    shop.scenario(steps=[STEP])
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.channel.answers["c1@shop.example"] = Outcome.unknown
    shop.send()
    learnt = shop.execute("select detail, finished_at from outreach.attempts")
    assert learnt[0][0] == "it said unknown"
    shop.now += timedelta(hours=1)
    assert settle(shop) == Recorded()
    assert shop.execute("select detail, finished_at from outreach.attempts") == learnt


def test_a_message_freed_after_a_long_outage_is_held_and_not_sent_late(vanished: Shop):
    vanished.channel.found = {}
    vanished.now += timedelta(hours=20)
    vanished.send()
    assert (vanished.row().state, vanished.row().reason) == ("held", "missed_send")
    assert len(vanished.channel.messages) == 1


def test_that_a_provider_lacks_a_message_says_nothing_while_its_sender_may_still_wake_up(vanished: Shop):
    vanished.execute("update outreach.dispatchers set ended_at = null, lease_until = now() - interval '1 second'")
    vanished.channel.found = {}
    with connect(vanished.settings, autocommit=True) as asleep:
        asleep.execute("select pg_advisory_lock(6646633, number) from outreach.dispatchers")
        assert settle(vanished) == Recorded(unknown=1)
    assert vanished.row().state == "sending"

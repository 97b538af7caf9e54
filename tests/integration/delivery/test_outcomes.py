"""What becomes of a message: refused, not sent, unknown; and what becomes of sending then."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import pytest

from ekiden.delivery.channels import ProviderStopped
from ekiden.delivery.channels.base import Delivery, Outcome, OutgoingMessage, ProviderBusy
from ekiden.delivery.channels.batches import left_alone
from ekiden.delivery.pauses import SendingPaused, resume
from ekiden.delivery.sending.due import count_lost_claims
from ekiden.delivery.sending.provider_waits import note_wait
from tests.integration.delivery.sending import CHAIN, attempts, ready
from tests.integration.ledger_fixtures import OPERATOR, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


def test_a_refused_message_is_not_tried_again(shop: Shop):
    ready(shop)
    shop.channel.answers["c1@shop.example"] = Outcome.refused
    assert shop.send().counts.failed == 1
    shop.now += timedelta(hours=1)
    shop.send()
    assert (shop.row().state, shop.row().reason) == ("failed", "it said refused")
    assert len(shop.channel.messages) == 1
    assert shop.enrolments() == {"C1": ("active", None)}


def test_what_was_surely_not_sent_is_tried_again_later_each_time_until_the_budget_is_spent(shop: Shop):
    ready(shop)
    shop.settings = shop.settings.model_copy(update={"max_attempts": 3})
    shop.channel.answers["c1@shop.example"] = Outcome.not_sent
    waits = []
    for _ in range(3):
        shop.send()
        row = shop.row()
        waits.append(row.send_at - shop.now)
        shop.now = max(row.send_at, shop.now)
    assert waits[:2] == [shop.settings.retry_after, 2 * shop.settings.retry_after]
    shop.now += timedelta(hours=2)
    shop.send()
    assert shop.row().state == "failed"
    assert attempts(shop) == [(1, "not_sent"), (2, "not_sent"), (3, "not_sent")]
    assert len({message.message_id for message in shop.channel.messages}) == 1


def test_one_refusal_leaves_the_rest_of_the_batch_sent(shop: Shop):
    ready(shop, "C1", "C2", "C3")
    shop.channel.answers["c2@shop.example"] = Outcome.refused
    shop.send()
    assert shop.states() == {("C1", 1): "sent", ("C2", 1): "failed", ("C3", 1): "sent"}


def test_a_stopped_line_pauses_all_sending_and_leaves_everything_for_later(shop: Shop):
    ready(shop, "C1", "C2", "C3")
    shop.settings = shop.settings.model_copy(update={"claim_batch_size": 2})
    shop.channel.line_is_stopped = True
    with pytest.raises(ProviderStopped):
        shop.send()
    assert set(shop.states().values()) == {"ready"}
    assert shop.execute("select outcome from outreach.runs where kind = 'send'") == [("failed",)]
    shop.channel.line_is_stopped = False
    with pytest.raises(SendingPaused, match="recording turns everything away: 401"):
        shop.send()
    resume(shop.connection, None, reason="a new key", now=shop.now, context=OPERATOR)
    shop.send()
    assert set(shop.states().values()) == {"sent"}


def test_a_provider_that_asks_us_to_wait_is_left_alone_by_every_sender_until_then(shop: Shop):
    ready(shop, "C1", "C2", "C3")
    shop.settings = shop.settings.model_copy(update={"claim_batch_size": 2})
    shop.channel.busy_until = shop.now + timedelta(seconds=20)
    report = shop.send()
    assert report.wait and report.wait.until == shop.channel.busy_until
    assert (report.counts.failed, report.counts.not_sent) == (0, 2)
    shop.channel.busy_until = None
    shop.now += timedelta(seconds=19)
    shop.send()
    assert shop.channel.messages == []
    shop.now += timedelta(seconds=1)
    shop.send()
    assert set(shop.states().values()) == {"sent"}


def test_a_wait_noted_by_a_clock_that_was_ahead_keeps_nobody_waiting_once_it_is_set_right(shop: Shop):
    ready(shop)
    ahead, busy = shop.now + timedelta(days=1), partial(ProviderBusy, "429", deliveries=())
    note_wait(shop.connection, "recording", busy(until=ahead + timedelta(minutes=1)), now=ahead)
    until = shop.now + timedelta(minutes=1)
    note_wait(shop.connection, "recording", busy(until=until), now=shop.now)
    assert (wait := shop.send().wait) and wait.until == until
    shop.now = until
    note_wait(shop.connection, "recording", busy(until=ahead + timedelta(minutes=1)), now=ahead)
    assert shop.send().counts.sent == 1


def test_waiting_for_a_provider_uses_up_none_of_a_messages_tries(shop: Shop):
    ready(shop)
    for _ in range(shop.settings.max_attempts + 1):
        shop.channel.busy_until = shop.now + timedelta(seconds=20)
        shop.send()
        shop.now += timedelta(seconds=20)
    shop.channel.busy_until = None
    shop.channel.answers["c1@shop.example"] = Outcome.not_sent
    for tries in range(1, shop.settings.max_attempts):
        shop.send()
        row = shop.row()
        assert (row.state, row.send_at) == ("ready", shop.now + shop.settings.retry_after * tries)
        shop.now = row.send_at
    shop.send()
    assert shop.row().state == "failed"


def test_who_was_tried_before_the_provider_was_busy_waits_behind_those_who_were_not(shop: Shop):
    ready(shop, "C1", "C2")

    def first_not_then_busy(messages: Sequence[OutgoingMessage]) -> list[Delivery]:
        first = Delivery(messages[0].message_id, Outcome.not_sent, detail="450 greylisted")
        busy_until = shop.now + timedelta(seconds=20)
        raise ProviderBusy("421", busy_until, [first, *left_alone(messages[1:], "421")])

    shop.channel.deliver = first_not_then_busy
    shop.send()
    waits = sorted(row.send_at - shop.now for row in (shop.row(customer="C1"), shop.row(customer="C2")))
    assert waits == [timedelta(), shop.settings.retry_after]
    # whoever is the first has tries of their own, and keeps nobody else from being tried for ever
    for _ in range(2 * shop.settings.max_attempts):
        shop.now += shop.settings.retry_after * shop.settings.max_attempts
        shop.send()
    assert set(shop.states().values()) == {"failed"}


def test_an_unknown_outcome_is_never_repeated_by_itself(shop: Shop):
    ready(shop, steps=CHAIN)
    shop.channel.answers["c1@shop.example"] = Outcome.unknown
    assert shop.send().counts.unknown == 1
    for _ in range(3):
        shop.now += timedelta(hours=1)
        shop.send()
    assert shop.states() == {("C1", 1): "sending"}
    assert len(shop.channel.messages) == 1
    assert attempts(shop) == [(1, "unknown")]
    assert count_lost_claims(shop.connection).rows == 0


def test_what_a_person_tries_again_was_due_when_it_was_released_and_not_at_the_try_that_failed(shop: Shop):
    ready(shop)
    shop.channel.answers["c1@shop.example"] = Outcome.refused
    shop.send()
    released = shop.at("2024-03-09 15:00")
    shop.operate("retry", customer="C1")
    shop.channel.answers = {}
    shop.send()
    assert shop.execute("select due_at from outreach.messages") == [(released,)]


def test_what_a_person_tries_again_waits_for_a_busy_provider_although_its_budget_is_spent(shop: Shop):
    ready(shop)
    shop.settings = shop.settings.model_copy(update={"max_attempts": 1})
    shop.channel.answers["c1@shop.example"] = Outcome.not_sent
    shop.send()
    assert shop.row().state == "failed"
    shop.operate("retry", customer="C1")
    shop.channel.busy_until = shop.now + timedelta(seconds=20)
    shop.send()
    assert shop.row().state == "ready"
    shop.now, shop.channel.busy_until, shop.channel.answers = shop.channel.busy_until, None, {}
    assert shop.send().counts.sent == 1

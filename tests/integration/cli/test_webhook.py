"""`ekiden webhook | events | show | timeline`: what the provider told, for people."""

import json

import pytest

from ekiden.cli import webhook
from ekiden.delivery.channels.base import Delivery, Outcome
from ekiden.delivery.consent.unsubscribe_tokens import signer_of, token_of
from ekiden.delivery.events.providers import Provider
from ekiden.webhook.refusals import RefusalReason
from ekiden.webhook.requests import keep_request, note_refusals
from tests.integration.ledger_fixtures import STEP, Shop
from tests.integration.webhook.provider import body_of, event


@pytest.fixture
def told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The provider has told of a message of unknown outcome; nothing of it is drained."""
    monkeypatch.setattr(webhook, "utc_now", lambda: shop.now)
    shop.scenario(steps=[STEP])
    shop.buyer("C1")
    shop.channel.answers["c1@shop.example"] = Outcome.unknown
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    fields = {"email": "c1@shop.example", "sg_message_id": "abc.filter"}
    message = shop.row().message_id
    body = body_of(
        event("delivered", shop.now, message, **fields),
        event("open", shop.now, message, sg_machine_open=True, **fields),
        event("click", shop.now, message, url="https://shop.example/[b]", **fields),
        event("delivered", shop.now, sg_message_id="a stranger's"),
        {"event": "open"},
    )
    for _ in range(2):
        keep_request(shop.connection, body, signed_at=shop.now, received_at=shop.now, provider=Provider.SENDGRID)
    note_refusals(shop.connection, {RefusalReason.BAD_SIGNATURE: 3}, now=shop.now, provider=Provider.SENDGRID)
    note_refusals(shop.connection, {RefusalReason.BAD_SIGNATURE: 2}, now=shop.now, provider=Provider.TWILIO)
    return shop


def test_events_are_drained_and_shown_with_their_message_and_their_customer(ekiden, told: Shop):
    drained = ekiden("events", "drain")
    assert drained.code == 0
    assert "1 request with 4 events, 4 of them new, 1 unreadable" in drained.out
    assert "unknown messages that turned out to be sent: 1, not to be: 0" in drained.out
    shown = ekiden("show", str(told.row().message_id)).out
    for line in (
        "delivered, 2024-03-09 12:00:00",
        "open by a machine, 2024-03-09 12:00:00",
        "click, 2024-03-09 12:00:00: https://shop.example/[b]",
    ):
        assert line in shown
    as_json = json.loads(ekiden("show", str(told.row().message_id), "--format", "json").out)
    assert [each["kind"] for each in as_json["events"]] == ["delivered", "open", "click"]
    timeline = json.loads(ekiden("timeline", "C1", "--oldest-first", "--format", "json").out)
    entries = [(each["what"], each["why"]) for each in timeline if each["kind"] == "message_event"]
    assert entries == [
        ("step 1: delivered", None),
        ("step 1: opened by a machine", None),
        ("step 1: a link in it followed", "https://shop.example/[b]"),
    ]


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_the_providers_words_name_nobody_unless_asked_for(ekiden, told: Shop, form: str):
    message = told.row().message_id
    address, token = "yoko.sato@sample.invalid", token_of(signer_of(["secret" * 6]), message)
    body = body_of(
        event("bounce", told.now, message, type="bounce", reason=f"550 5.1.1 <{address}>: unknown"),
        event("click", told.now, message, url=f"https://shop.example/u/{token}"),
    )
    keep_request(told.connection, body, signed_at=told.now, received_at=told.now, provider=Provider.SENDGRID)
    ekiden("events", "drain")
    # a lineage in one line of CSV has no events
    looks = [("timeline", "C1"), *([("show", str(message))] if form != "csv" else [])]
    for look in looks:
        masked = ekiden(*look, "--format", form).out
        assert "yo…@sample.invalid" in masked
        assert "https://shop.example/u/…" in masked
        assert address not in masked and token not in masked
        whole = "".join(ekiden(*look, "--unmask", "--format", form).out.replace("│", "").split())
        assert address in whole
        assert token[:22] in whole


def test_the_status_says_what_came_in_and_what_was_turned_away(ekiden, told: Shop):
    waiting = ekiden("webhook", "status").out
    assert "1 request; known already: 1" in waiting
    assert "1 request, since 2024-03-09 12:00: `ekiden events drain`" in waiting
    assert "3 requests of sendgrid: bad signature; last 2024-03-09 12:00" in waiting
    assert "2 requests of twilio: bad signature; last 2024-03-09 12:00" in waiting
    ekiden("events", "drain")
    status = json.loads(ekiden("webhook", "status", "--format", "json").out)
    assert (status["undrained"], status["events"], status["strangers"], status["unreadable_events"]) == (0, 4, 1, 1)
    assert [(each["provider"], each["requests"]) for each in status["refused"]] == [("sendgrid", 3), ("twilio", 2)]
    assert status["last_received_at"] == "2024-03-09T12:00:00+09:00"
    assert {each["last_refused_at"] for each in status["refused"]} == {"2024-03-09T12:00:00+09:00"}


def test_a_key_that_is_none_is_told_before_the_server_listens(ekiden, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EKIDEN_SENDGRID_WEBHOOK_KEY", "SG.something")
    ended = ekiden("webhook", "--port", "1")
    assert ended.code == 1
    assert "key 1 is no verification key" in ended.err


def test_a_message_that_the_provider_has_and_the_ledger_would_send_again_is_pointed_out(ekiden, told: Shop):
    message = told.row().message_id
    told.channel.found = {message: Delivery(message, Outcome.refused, detail="so it was said")}
    told.send()
    assert told.row().state == "failed"
    ekiden("events", "drain")
    said = " ".join(ekiden("webhook", "status").out.split())
    assert "1 open row whose message the provider has: let them go (`ekiden retry`, `ekiden release`)" in said
    # and that is what it takes
    told.channel.messages.clear()
    told.send()
    assert told.row().state == "failed"
    assert ekiden("retry", "--customer", "C1", "--reason", "it has arrived", "--yes").code == 0
    told.send()
    assert (told.row().state, told.channel.messages) == ("sent", [])
    assert "contradicted" not in ekiden("webhook", "status").out


def test_a_drain_says_that_it_has_paused_all_sending(ekiden, told: Shop):
    assert "paused:" not in ekiden("events", "drain").err
    body = body_of(event("account_status_change", told.now, type="compliance_suspend"))
    keep_request(told.connection, body, signed_at=told.now, received_at=told.now, provider=Provider.SENDGRID)
    drained = ekiden("events", "drain")
    assert drained.code == 0
    assert "paused: the provider changed the account's status: all sending is paused" in " ".join(drained.err.split())

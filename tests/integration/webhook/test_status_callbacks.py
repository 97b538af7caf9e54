"""What Twilio tells of an SMS after it took it, from its callback into the ledger."""

import asyncio
import base64
import hmac
from datetime import timedelta
from itertools import permutations
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from pydantic import SecretStr

from ekiden.delivery.channels.base import Outcome
from ekiden.delivery.channels.sms import TwilioAccount, TwilioChannel
from ekiden.delivery.events.drain import Drained, drain
from ekiden.schedule.runs import RunContext
from ekiden.webhook.app import webhook_app
from ekiden.webhook.requests import refused_requests
from tests.integration.delivery.channels.provider import answer, messages_to, provider, reset
from tests.integration.ledger_fixtures import STEP, Shop
from tests.integration.webhook.provider import Answer, ask

TOKEN = SecretStr("twilio-token-of-the-test")
STATUS_URL = "https://mail.shop.example/webhook/twilio"
SENT = answer(201, {"sid": "SM123", "status": "queued", "error_code": None})
SMS = ("sms",)


@pytest.fixture
def sms_shop(shop: Shop) -> Shop:
    """C1's SMS is due, and the scenario has a second step."""
    changes = {"options": frozenset({"sms"}), "twilio_auth_token": TOKEN, "twilio_status_url": STATUS_URL}
    shop.settings = shop.settings.model_copy(update=changes)
    shop.scenario(steps=[STEP | {"channel": "sms"}, STEP | {"channel": "sms", "offset_days": 3}])
    shop.customer("C1", phone="090-1234-5678")
    shop.eligible("C1", "2024-03-08")
    shop.plan()
    shop.at("2024-03-09 12:00")
    return shop


def message(shop: Shop) -> UUID:
    return shop.row(step_no=1).message_id


def call_back(
    shop: Shop, status: str, *, path: str = "", signed_for: str | None = None, at: str = STATUS_URL, **fields: str
) -> Answer:
    """Answer to a callback, signed as Twilio documents it."""
    told = {"MessageSid": "SM123", "MessageStatus": status, "To": "+819012345678", "AccountSid": "AC1", **fields}
    path = path or f"/{message(shop)}"
    url = at + (signed_for or path) + "".join(name + value for name, value in sorted(told.items()))
    signature = base64.b64encode(hmac.digest(TOKEN.get_secret_value().encode(), url.encode(), "sha1")).decode()
    headers = {"content-type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
    app = webhook_app(shop.settings, clock=lambda: shop.now, drains=False)
    return ask(app, urlencode(told).encode(), headers, path="/webhook/twilio" + path)


def drained(shop: Shop) -> Drained:
    return drain(shop.connection, settings=shop.settings, clock=lambda: shop.now, context=RunContext("webhook"))


def events(shop: Shop) -> list[tuple[Any, ...]]:
    return shop.execute(
        "select provider, customer_id, kind, about, happened_at, provider_message_id from outreach.delivery_events"
        " order by kind"
    )


def test_an_sms_without_an_answer_is_known_to_be_sent_once_twilio_calls_back(sms_shop: Shop):
    with provider(reset, SENT) as twilio:
        account = TwilioAccount("AC1", TOKEN, sender="+815012345678")
        channel = TwilioChannel(account, host=twilio.url, status_url=STATUS_URL)
        sms_shop.send(channel=channel, step_channels=SMS)
    assert sms_shop.row(step_no=1).state == "sending"
    called = twilio.requests[0].form["StatusCallback"].partition("#")[0]
    sms_shop.now += timedelta(minutes=1)
    assert call_back(sms_shop, "sent", path=called.removeprefix(STATUS_URL)).status == 200
    assert drained(sms_shop).sent == 1
    assert sms_shop.states() == {("C1", 1): "sent", ("C1", 2): "ready"}
    assert sms_shop.execute("select provider_message_id from outreach.attempts") == [("SM123",)]


def test_an_sms_that_did_not_arrive_is_known_with_the_reason_and_stays_sent(sms_shop: Shop):
    sms_shop.send(step_channels=SMS)
    assert call_back(sms_shop, "undelivered", ErrorCode="30005").body == b"stored"
    done = drained(sms_shop)
    assert (done.new_events, done.opted_out, done.suppressed) == (1, 0, 0)
    assert events(sms_shop) == [("twilio", "C1", "undelivered", "30005", sms_shop.now, "SM123")]
    assert sms_shop.row(step_no=1).state == "sent"


def test_who_answered_stop_has_opted_out_of_sms_and_of_nothing_else(sms_shop: Shop):
    sms_shop.channel.answers = {"+819012345678": Outcome.accepted}
    sms_shop.send(step_channels=SMS)
    call_back(sms_shop, "failed", ErrorCode="21610")
    assert drained(sms_shop).opted_out == 1
    told = "select customer_id, channel, source, reason, message_id from outreach.opt_outs"
    assert sms_shop.execute(told) == [("C1", "sms", "twilio", "answered STOP to an SMS", message(sms_shop))]
    assert sms_shop.execute("select * from outreach.suppression_list") == []
    call_back(sms_shop, "failed", ErrorCode="21610", RawDlrDoneDate="2403091201")
    assert drained(sms_shop).opted_out == 0


def test_who_twilio_refuses_for_a_stop_has_opted_out_of_sms(sms_shop: Shop):
    with provider(answer(400, {"code": 21610, "message": "unsubscribed recipient", "status": 400})) as twilio:
        channel = TwilioChannel(TwilioAccount("AC1", TOKEN, sender="+815012345678"), host=twilio.url)
        sms_shop.send(channel=channel, step_channels=SMS)
    assert sms_shop.row(step_no=1).state == "failed"
    told = sms_shop.execute("select customer_id, channel, message_id from outreach.opt_outs")
    assert told == [("C1", "sms", message(sms_shop))]


@pytest.mark.parametrize("order", permutations(("sending", "sent", "delivered")))
def test_in_whatever_order_and_however_often_they_come_each_is_one_fact(sms_shop: Shop, order: tuple[str, ...]):
    sms_shop.send(step_channels=SMS)
    first = sms_shop.now
    for status in (*order, *order):
        assert call_back(sms_shop, status).status == 200
        # the same fact in other bytes, told later and taken in before or after
        sms_shop.now += timedelta(seconds=1)
        call_back(sms_shop, status, RawDlrDoneDate=f"{sms_shop.now:%S}")
        sms_shop.now = first
    drained(sms_shop)
    assert [(kind, at) for _, _, kind, _, at, _ in events(sms_shop)] == [
        ("delivered", first),
        ("sending", first),
        ("sent", first),
    ]


def test_what_is_not_twilios_is_turned_away_and_not_kept(sms_shop: Shop):
    other = f"/{UUID(int=1)}"
    assert call_back(sms_shop, "delivered", signed_for=other).status == 401
    sms_shop.settings = sms_shop.settings.model_copy(update={"twilio_auth_token": SecretStr("another")})
    assert call_back(sms_shop, "delivered").status == 401
    sms_shop.settings = sms_shop.settings.model_copy(update={"twilio_status_url": None})
    assert call_back(sms_shop, "delivered").status == 503
    assert call_back(sms_shop, "delivered", path="/none").status == 404
    assert sms_shop.execute("select * from outreach.webhook_requests") == []


@pytest.mark.parametrize("blank", ["", " "])
def test_an_empty_token_is_none_whatever_is_signed_with_it(sms_shop: Shop, monkeypatch: pytest.MonkeyPatch, blank: str):
    monkeypatch.setattr(f"{__name__}.TOKEN", SecretStr(blank))
    sms_shop.settings = sms_shop.settings.model_copy(update={"twilio_auth_token": SecretStr(blank)})
    assert call_back(sms_shop, "delivered").status == 503
    assert sms_shop.execute("select * from outreach.webhook_requests") == []


@pytest.mark.parametrize("port", ["", ":443", ":8443"])
@pytest.mark.parametrize("behind", ["", "#rc=5&rp=all"])
def test_a_callback_is_twilios_whether_it_signs_the_port_or_not(sms_shop: Shop, port: str, behind: str):
    with_port = STATUS_URL.replace(".example", f".example{port}")
    sms_shop.settings = sms_shop.settings.model_copy(update={"twilio_status_url": with_port})
    path = f"/{message(sms_shop)}"
    for number, at in enumerate((STATUS_URL, STATUS_URL.replace(".example", f".example{port or ':443'}"))):
        told = call_back(sms_shop, "delivered", at=at, signed_for=path + behind, RawDlrDoneDate=str(number))
        assert (told.status, told.body) == (200, b"stored")
    assert call_back(sms_shop, "delivered", at=STATUS_URL.replace(".example", ".example:8080")).status == 401


def test_what_is_turned_away_is_counted_by_whose_door_it_came_to(sms_shop: Shop):
    app = webhook_app(sms_shop.settings, clock=lambda: sms_shop.now, drains=False)
    for path in ("/webhook/sendgrid", f"/webhook/twilio/{UUID(int=1)}"):
        assert ask(app, b"x", {"content-type": "text/plain"}, path=path).status == 415
    asyncio.run(app.state.door.write_down())
    counted = [(each.provider, each.reason, each.requests) for each in refused_requests(sms_shop.connection)]
    assert counted == [("sendgrid", "content_type", 1), ("twilio", "content_type", 1)]


@pytest.mark.parametrize("fields", [{}, {"MessageSid": "SM1"}, {"MessageStatus": "sent", "MessageSid": ""}])
def test_a_callback_that_says_nothing_is_kept_and_counted(sms_shop: Shop, fields: dict[str, str]):
    told = {"MessageSid": "", **fields}
    assert call_back(sms_shop, told.pop("MessageStatus", ""), **told).status == 200
    done = drained(sms_shop)
    assert (done.requests, done.events, done.unreadable) == (1, 0, 1)


def test_without_a_database_twilio_is_asked_to_come_again(sms_shop: Shop):
    path = f"/{message(sms_shop)}"
    nowhere = SecretStr("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1")
    sms_shop.settings = sms_shop.settings.model_copy(update={"database_url": nowhere})
    assert call_back(sms_shop, "delivered", path=path).status == 503


def test_where_nobody_listens_twilio_is_not_asked_to_call_back():
    with provider(SENT) as twilio:
        channel = TwilioChannel(TwilioAccount("AC1", TOKEN, sender="+815012345678"), host=twilio.url)
        channel.deliver(messages_to("+819012345678"))
    assert "StatusCallback" not in twilio.requests[0].form

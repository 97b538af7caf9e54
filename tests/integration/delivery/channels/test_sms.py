from base64 import b64decode
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from pydantic import SecretStr

from ekiden.delivery.channels.base import Delivery, Outcome, ProviderBusy, ProviderStopped
from ekiden.delivery.channels.batches import UNKNOWN_IN_A_ROW
from ekiden.delivery.channels.sms import TwilioAccount, TwilioChannel
from tests.integration.delivery.channels.provider import (
    PATIENCE,
    answer,
    messages_to,
    outcomes,
    provider,
    reset,
    silence,
)
from tests.loopback import free_port

TOKEN = "twilio-token-of-the-test"
NOW = datetime(2024, 2, 29, 3, 0, 0, tzinfo=UTC)
SENT = answer(201, {"sid": "SM123", "status": "queued", "error_code": None})
HANAKO, TARO = "+819012345678", "+818012345678"


def channel_to(url: str, **account: str) -> TwilioChannel:
    sender = account or {"sender": "+815012345678"}
    return TwilioChannel(
        TwilioAccount("AC123", SecretStr(TOKEN), **sender), host=url, clock=lambda: NOW, read_seconds=PATIENCE
    )


def fault(status: int, code: int, message: str) -> object:
    return answer(status, {"code": code, "message": message, "more_info": "https://…", "status": status})


def test_the_request_is_what_twilio_documents() -> None:
    with provider(SENT) as server:
        (delivery,) = channel_to(server.url).deliver(messages_to(HANAKO, text="\n本文 & more\n"))
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/2010-04-01/Accounts/AC123/Messages.json")
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    scheme, _, credentials = request.headers["Authorization"].partition(" ")
    assert (scheme, b64decode(credentials).decode()) == ("Basic", f"AC123:{TOKEN}")
    assert request.form == {"To": HANAKO, "From": "+815012345678", "Body": "本文 & more"}
    assert delivery == Delivery(UUID(int=0), Outcome.accepted, "SM123", "Twilio answered 201")


def test_a_messaging_service_may_choose_the_number() -> None:
    with provider(SENT) as server:
        channel_to(server.url, messaging_service_sid="MG123").deliver(messages_to(HANAKO))
    assert server.requests[0].form == {"To": HANAKO, "MessagingServiceSid": "MG123", "Body": "本文"}


@pytest.mark.parametrize("senders", [{}, {"sender": "+1", "messaging_service_sid": "MG1"}])
def test_there_is_one_sender(senders: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="EKIDEN_TWILIO_FROM"):
        TwilioAccount("AC123", SecretStr(TOKEN), **senders)


ANSWERS = {
    "201": (SENT, Outcome.accepted, "201"),
    "invalid number": (fault(400, 21211, f"The 'To' number {HANAKO} is not valid."), Outcome.refused, "is not valid"),
    "answered STOP": (fault(400, 21610, "Attempt to send to unsubscribed recipient"), Outcome.refused, "STOP"),
    "no number for this one": (fault(400, 21703, "no phone number available"), Outcome.refused, "21703"),
    "a code that is none": (answer(400, {"code": [], "message": "x"}), Outcome.refused, "400"),
    "nested without end": (answer(400, b"[" * 60_000), Outcome.refused, "400"),
    "200": (answer(200), Outcome.unknown, "200"),
    "302": (answer(302, Location="http://127.0.0.1:9/"), Outcome.unknown, "302"),
    "500": (answer(500), Outcome.unknown, "500"),
    "503": (answer(503, ["no object"]), Outcome.unknown, "503"),
    "reset": (reset, Outcome.unknown, "no readable answer"),
    "silence": (silence, Outcome.unknown, "no readable answer"),
}


@pytest.mark.parametrize(("reply", "outcome", "said"), ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_has_the_documented_outcome_and_the_next_message_goes_on(
    reply: object, outcome: Outcome, said: str
) -> None:
    with provider(reply, SENT) as server:
        deliveries = channel_to(server.url).deliver(messages_to(HANAKO, TARO))
    assert outcomes(deliveries) == [outcome, Outcome.accepted]
    assert said in deliveries[0].detail
    assert HANAKO not in deliveries[0].detail
    # nothing is asked twice: the same post would be a second message
    assert [request.form["To"] for request in server.requests] == [HANAKO, TARO]


@pytest.mark.parametrize(
    "turned_away",
    [
        fault(401, 20003, f"Authenticate {TOKEN}"),
        fault(403, 20005, "Account not active"),
        fault(404, 20404, "The requested resource was not found"),
        fault(400, 21606, "The From phone number is not a valid, SMS-capable number of your account"),
        fault(400, 21704, "The Messaging Service contains no phone numbers"),
        fault(400, 21609, "Invalid 'StatusCallback'"),
    ],
    ids=["401", "403", "404", "our number", "our service", "our address for callbacks"],
)
def test_who_is_turned_away_stops_the_line(turned_away: object) -> None:
    with provider(SENT, turned_away) as server, pytest.raises(ProviderStopped) as stopped:
        channel_to(server.url).deliver(messages_to(HANAKO, TARO, HANAKO))
    assert outcomes(stopped.value.deliveries) == [Outcome.accepted, Outcome.not_sent, Outcome.not_sent]
    assert TOKEN not in str(stopped.value)
    assert len(server.requests) == 2


def test_a_limit_is_waited_for() -> None:
    limited = answer(429, {"code": 20429, "message": "Too Many Requests"}, Retry_After="3")
    with provider(SENT, limited) as server, pytest.raises(ProviderBusy, match="20429") as busy:
        channel_to(server.url).deliver(messages_to(HANAKO, TARO))
    assert outcomes(busy.value.deliveries) == [Outcome.accepted, Outcome.not_sent]
    assert busy.value.until == NOW + timedelta(seconds=3)


def test_a_full_queue_is_waited_for_and_no_message_is_to_blame() -> None:
    full = fault(400, 21611, "This 'From' number has exceeded the maximum number of queued messages")
    with provider(SENT, full) as server, pytest.raises(ProviderBusy, match="21611") as busy:
        channel_to(server.url).deliver(messages_to(HANAKO, TARO, HANAKO))
    assert outcomes(busy.value.deliveries) == [Outcome.accepted, Outcome.not_sent, Outcome.not_sent]
    assert busy.value.until == NOW + timedelta(minutes=1)


def test_a_provider_in_trouble_makes_few_unknowns() -> None:
    with provider(answer(503)) as server, pytest.raises(ProviderBusy) as busy:
        channel_to(server.url).deliver(messages_to(*[HANAKO] * 9))
    assert outcomes(busy.value.deliveries) == [Outcome.unknown] * UNKNOWN_IN_A_ROW + [Outcome.not_sent] * 6
    assert len(server.requests) == UNKNOWN_IN_A_ROW


def test_nobody_there_sent_nothing() -> None:
    with pytest.raises(ProviderBusy, match="no connection to Twilio") as busy:
        channel_to(f"http://127.0.0.1:{free_port()}").deliver(messages_to(HANAKO))
    assert outcomes(busy.value.deliveries) == [Outcome.not_sent]


def test_a_batch_that_takes_long_is_left_for_the_next_one_at_once() -> None:
    passed = iter([0.0, 0.0, 61.0])
    with provider(SENT) as server, pytest.raises(ProviderBusy, match="too long") as busy:
        channel = TwilioChannel(
            TwilioAccount("AC123", SecretStr(TOKEN), sender="+1"),
            host=server.url,
            clock=lambda: NOW,
            elapsed=lambda: next(passed),
        )
        channel.deliver(messages_to(HANAKO, TARO))
    assert outcomes(busy.value.deliveries) == [Outcome.accepted, Outcome.not_sent]
    assert busy.value.until == NOW


def test_what_twilio_would_refuse_is_not_asked() -> None:
    with provider(SENT) as server:
        channel = channel_to(server.url)
        deliveries = channel.deliver(messages_to("090-1234-5678", "+81 90", HANAKO))
        too_long = channel.deliver(messages_to(HANAKO, text="a" * 1_601))
    assert outcomes(deliveries) == [Outcome.refused, Outcome.refused, Outcome.accepted]
    assert outcomes(too_long) == [Outcome.refused]
    assert len(server.requests) == 1


def test_the_token_is_not_shown() -> None:
    channel = channel_to("http://127.0.0.1:9")
    assert TOKEN not in repr(vars(channel))
    assert channel.find([UUID(int=0)]) is None

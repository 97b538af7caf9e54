from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from pydantic import SecretStr

from ekiden.delivery.channels.base import Delivery, Outcome, ProviderBusy, ProviderStopped
from ekiden.delivery.channels.line import PAUSES, WAIT_FOR_A_LARGER_PLAN, LineChannel
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

TOKEN = "line-token-of-the-test"
NOW = datetime(2024, 2, 29, 3, 0, 0, tzinfo=UTC)
SENT = answer(200, {"sentMessages": [{"id": "461230966842064897", "quoteToken": "x"}]}, X_Line_Request_Id="r-1")
HANAKO, TARO = "U" + "a" * 32, "U" + "b" * 32


class Line:
    """The channel under test, and how long it slept."""

    def __init__(self, url: str) -> None:
        self.slept: list[float] = []
        self.channel = LineChannel(
            SecretStr(TOKEN), host=url, clock=lambda: NOW, read_seconds=PATIENCE, sleep=self.slept.append
        )

    def deliver(self, *addresses: str, text: str = "本文\n") -> list[Delivery]:
        return self.channel.deliver(messages_to(*addresses, text=text))


def test_the_request_is_what_line_documents() -> None:
    with provider(SENT) as server:
        (delivery,) = Line(server.url).deliver(HANAKO)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v2/bot/message/push")
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Line-Retry-Key"] == str(UUID(int=0))
    assert request.json == {"to": HANAKO, "messages": [{"type": "text", "text": "本文"}]}
    assert delivery == Delivery(UUID(int=0), Outcome.accepted, "461230966842064897", "LINE answered 200")


@pytest.mark.parametrize("trouble", [answer(500), answer(503), reset, silence], ids=["500", "503", "reset", "silence"])
def test_without_a_clear_answer_the_same_key_is_used_again_and_409_means_accepted(trouble: object) -> None:
    known = answer(409, {"message": "The retry key is already accepted"}, X_Line_Accepted_Request_Id="r-0")
    with provider(trouble, known, SENT) as server:
        line = Line(server.url)
        deliveries = line.deliver(HANAKO, TARO)
    assert outcomes(deliveries) == [Outcome.accepted] * 2
    assert deliveries[0].provider_message_id == "r-0"
    assert [request.headers["X-Line-Retry-Key"] for request in server.requests] == [
        str(UUID(int=number)) for number in (0, 0, 1)
    ]
    assert line.slept == list(PAUSES[:1])


def test_what_is_never_answered_clearly_is_unknown_and_the_rest_waits() -> None:
    with provider(SENT, answer(500)) as server, pytest.raises(ProviderBusy, match="500") as busy:
        line = Line(server.url)
        line.deliver(HANAKO, TARO, HANAKO)
    assert outcomes(busy.value.deliveries) == [Outcome.accepted, Outcome.unknown, Outcome.not_sent]
    assert busy.value.until == NOW + timedelta(minutes=1)
    assert len(server.requests) == 1 + 1 + len(PAUSES)
    assert line.slept == list(PAUSES)


def test_a_refusal_concerns_one_message() -> None:
    invalid = answer(400, {"message": f"The property, 'to', in the request body is invalid: {TARO}"})
    with provider(invalid, SENT) as server:
        deliveries = Line(server.url).deliver(TARO, HANAKO)
    assert outcomes(deliveries) == [Outcome.refused, Outcome.accepted]
    assert "in the request body is invalid" in deliveries[0].detail
    assert TARO not in deliveries[0].detail


@pytest.mark.parametrize("status", [401, 403])
def test_who_is_turned_away_stops_the_line(status: int) -> None:
    said = {"message": f"Authentication failed. {TOKEN}"}
    with provider(SENT, answer(status, said)) as server, pytest.raises(ProviderStopped, match="failed") as stopped:
        Line(server.url).deliver(HANAKO, TARO, HANAKO)
    assert outcomes(stopped.value.deliveries) == [Outcome.accepted, Outcome.not_sent, Outcome.not_sent]
    assert TOKEN not in str(stopped.value)
    assert len(server.requests) == 2


def test_a_first_try_without_an_answer_stays_unknown_when_the_second_is_turned_away() -> None:
    with provider(reset, answer(401)) as server, pytest.raises(ProviderStopped) as stopped:
        Line(server.url).deliver(HANAKO, TARO)
    assert outcomes(stopped.value.deliveries) == [Outcome.unknown, Outcome.not_sent]


@pytest.mark.parametrize(
    ("limited", "wait"),
    [
        (answer(429, {"message": "The API rate limit has been exceeded."}), timedelta(minutes=1)),
        (answer(429, {"message": "Try again."}, Retry_After="7"), timedelta(seconds=7)),
        (answer(429, {"message": "Try again."}, Retry_After="7 "), timedelta(seconds=7)),
        (answer(429, {"message": "Try again."}, Retry_After="0"), timedelta(seconds=1)),
        (answer(429, {}, Retry_After="Thu, 29 Feb 2024 02:59:00 GMT"), timedelta(seconds=1)),
        (answer(429, {"message": "Try again."}, Retry_After="soon"), timedelta(minutes=1)),
        (answer(429, {"message": "You have reached your monthly limit."}), WAIT_FOR_A_LARGER_PLAN),
    ],
)
def test_a_limit_is_waited_for(limited: object, wait: timedelta) -> None:
    with provider(limited) as server, pytest.raises(ProviderBusy) as busy:
        Line(server.url).deliver(HANAKO, TARO)
    assert outcomes(busy.value.deliveries) == [Outcome.not_sent] * 2
    assert busy.value.until == NOW + wait


def test_a_redirect_is_not_followed_and_its_message_unknown() -> None:
    with (
        provider(SENT) as elsewhere,
        provider(answer(302, Location=f"{elsewhere.url}/v2/bot/message/push")) as server,
        pytest.raises(ProviderBusy) as busy,
    ):
        Line(server.url).deliver(HANAKO)
    assert outcomes(busy.value.deliveries) == [Outcome.unknown]
    assert elsewhere.requests == []


def test_nobody_there_sent_nothing() -> None:
    with pytest.raises(ProviderBusy, match="no connection to LINE") as busy:
        Line(f"http://127.0.0.1:{free_port()}").deliver(HANAKO, TARO)
    assert outcomes(busy.value.deliveries) == [Outcome.not_sent] * 2


def test_a_text_is_as_long_as_line_counts() -> None:
    with provider(SENT) as server:
        line = Line(server.url)
        assert outcomes(line.deliver(HANAKO, text="𠮷" * 2_500)) == [Outcome.accepted]
        (too_long,) = line.deliver(HANAKO, text="𠮷" * 2_500 + "家")
        (empty,) = line.deliver(HANAKO, text=" \n")
    assert (too_long.outcome, empty.outcome) == (Outcome.refused, Outcome.refused)
    assert "5,001 UTF-16 units" in too_long.detail
    assert len(server.requests) == 1


def test_one_connection_serves_a_batch() -> None:
    with provider(SENT) as server:
        Line(server.url).deliver(*[HANAKO] * 5)
    assert len({request.connection for request in server.requests}) == 1


def test_a_token_that_no_header_holds_is_noticed_before_the_first_message() -> None:
    with provider(SENT) as server:
        pasted = LineChannel(SecretStr(f"{TOKEN}\n"), host=server.url, read_seconds=PATIENCE)
        assert outcomes(pasted.deliver(messages_to(HANAKO))) == [Outcome.accepted]
    assert server.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"
    for wrong in ("トークン", "two\nlines", " "):
        with pytest.raises(ValueError, match="EKIDEN_LINE_CHANNEL_ACCESS_TOKEN"):
            LineChannel(SecretStr(wrong))


def test_the_token_is_not_shown() -> None:
    channel = Line("http://127.0.0.1:9").channel
    assert TOKEN not in repr(vars(channel))
    assert channel.find([UUID(int=0)]) is None

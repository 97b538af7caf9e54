import importlib.util
import logging
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr

from ekiden.content.render import RenderedMessage
from ekiden.delivery.channels.base import Delivery, LineStopped, Outcome, OutgoingMessage, Sender
from ekiden.delivery.channels.sendgrid import UNKNOWN_IN_A_ROW, SendGridChannel

# tests import by path, so that no two files of the same name meet
_specification = importlib.util.spec_from_file_location("sink", Path(__file__).with_name("sink.py"))
assert _specification and _specification.loader
stand_in = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(stand_in)
sink, answer, errors = stand_in.sink, stand_in.answer, stand_in.errors

KEY = "SG.secret-of-the-test"
NOW = datetime(2024, 2, 29, 3, 0, 0, tzinfo=UTC)
ACCEPTED = answer(202, X_Message_Id="provider-1")


def numbered_messages(count: int, name: str = "山田 花子") -> list[OutgoingMessage]:
    return [
        OutgoingMessage(
            message_id=UUID(int=number),
            to_address=f"customer-{number}@mail.invalid",
            to_name=name,
            sender=Sender("shop@shop.invalid", "駅伝ショップ", "help@shop.invalid"),
            rendered=RenderedMessage("件名", "本文\n", "<p>本文</p>", "hash"),
            unsubscribe_url=f"https://shop.invalid/u/{number}",
            scenario_code="cross_sell",
            step_no=2,
        )
        for number in range(count)
    ]


class Waits:
    """A clock and a stopwatch that move only while the channel sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.passed = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed += seconds

    def elapsed(self) -> float:
        return self.passed

    def clock(self) -> datetime:
        return NOW + timedelta(seconds=self.passed)


@pytest.fixture
def waits() -> Waits:
    return Waits()


def channel_to(url: str, waits: Waits, **changes: object) -> SendGridChannel:
    options = {"clock": waits.clock, "sleep": waits.sleep, "elapsed": waits.elapsed, "read_seconds": 0.2}
    return SendGridChannel(SecretStr(KEY), host=url, **(options | changes))


def outcomes(deliveries: list[Delivery]) -> list[Outcome]:
    return [delivery.outcome for delivery in deliveries]


def test_the_request_is_what_sendgrid_documents(waits: Waits) -> None:
    with sink(ACCEPTED) as server:
        (delivery,) = channel_to(server.url, waits).deliver(numbered_messages(1))
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v3/mail/send")
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Content-Type"] == "application/json"
    assert request.payload == {
        "personalizations": [
            {
                "to": [{"email": "customer-0@mail.invalid", "name": "山田 花子"}],
                "custom_args": {"ekiden_message_id": "00000000-0000-0000-0000-000000000000"},
                "headers": {
                    "List-Unsubscribe": "<https://shop.invalid/u/0>",
                    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                    "Auto-Submitted": "auto-generated",
                    "X-Ekiden-Message": "00000000-0000-0000-0000-000000000000",
                    "X-Ekiden-Scenario": "cross_sell",
                    "X-Ekiden-Step": "2",
                },
            }
        ],
        "from": {"email": "shop@shop.invalid", "name": "駅伝ショップ"},
        "reply_to": {"email": "help@shop.invalid"},
        "subject": "件名",
        "content": [
            {"type": "text/plain", "value": "本文\n"},
            {"type": "text/html", "value": "<p>本文</p>"},
        ],
        "tracking_settings": {"subscription_tracking": {"enable": False}},
    }
    assert delivery == Delivery(UUID(int=0), Outcome.accepted, "provider-1", "SendGrid answered 202")


def test_a_name_that_is_empty_is_left_out(waits: Waits) -> None:
    with sink(ACCEPTED) as server:
        channel_to(server.url, waits).deliver(numbered_messages(1, name="\r\n"))
    assert server.requests[0].payload["personalizations"][0]["to"] == [{"email": "customer-0@mail.invalid"}]


def test_one_connection_serves_a_batch_and_the_next_one(waits: Waits) -> None:
    with sink(ACCEPTED) as server:
        channel = channel_to(server.url, waits)
        assert outcomes(channel.deliver(numbered_messages(20))) == [Outcome.accepted] * 20
        channel.deliver(numbered_messages(1))
        assert len({request.connection for request in server.requests}) == 1
        waits.sleep(60)
        channel.deliver(numbered_messages(1))
        assert len({request.connection for request in server.requests}) == 2


ANSWERS = {
    "202": (ACCEPTED, Outcome.accepted, "202"),
    "202 with a body": (answer(202, b"hello"), Outcome.accepted, "202"),
    "400": (errors(400, "Does not contain a valid address.", "from"), Outcome.refused, "from: Does not"),
    "413": (answer(413), Outcome.refused, "413"),
    "200": (answer(200), Outcome.unknown, "200"),
    "201": (answer(201), Outcome.unknown, "201"),
    "204": (answer(204), Outcome.unknown, "204"),
    "404": (answer(404), Outcome.unknown, "404"),
    "500": (answer(500, b"<html>"), Outcome.unknown, "500"),
    "503": (answer(503), Outcome.unknown, "503"),
    "errors of a strange form": (answer(400, b'{"errors": ["x"]}'), Outcome.refused, "400"),
    "reset": (stand_in.reset, Outcome.unknown, "ProtocolError"),
    "hang up": (stand_in.hang_up, Outcome.unknown, "ProtocolError"),
    "timeout": (stand_in.silence, Outcome.unknown, "ReadTimeoutError"),
    "garbage": (stand_in.raw(b"SMTP ready\r\n\r\n"), Outcome.unknown, "ProtocolError"),
    "cut body": (
        stand_in.raw(b"HTTP/1.1 202 A\r\nContent-Length: 9\r\n\r\nx"),
        Outcome.unknown,
        "ProtocolError",
    ),
    "huge body": (answer(500, b"x" * 300_000), Outcome.unknown, "500"),
}


@pytest.mark.parametrize(("reply", "outcome", "said"), ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_has_the_documented_outcome_and_the_next_message_goes_on(
    waits: Waits, reply: object, outcome: Outcome, said: str
) -> None:
    with sink(reply, ACCEPTED) as server:
        deliveries = channel_to(server.url, waits).deliver(numbered_messages(2))
    assert outcomes(deliveries) == [outcome, Outcome.accepted]
    assert said in deliveries[0].detail
    assert [UUID(r.payload["personalizations"][0]["custom_args"]["ekiden_message_id"]) for r in server.requests] == [
        UUID(int=0),
        UUID(int=1),
    ]


def test_a_redirect_is_not_followed(waits: Waits) -> None:
    with sink(ACCEPTED) as elsewhere, sink(answer(302, Location=f"{elsewhere.url}/v3/mail/send")) as server:
        assert outcomes(channel_to(server.url, waits).deliver(numbered_messages(1))) == [Outcome.unknown]
    assert elsewhere.requests == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 403, 406, 451])
def test_the_line_stops_and_every_message_is_accounted_for(waits: Waits, status: int) -> None:
    with (
        sink(ACCEPTED, errors(status, "authorization required")) as server,
        pytest.raises(LineStopped, match="authorization required") as stopped,
    ):
        channel_to(server.url, waits).deliver(numbered_messages(4))
    assert [delivery.message_id for delivery in stopped.value.deliveries] == [UUID(int=n) for n in range(4)]
    assert outcomes(stopped.value.deliveries) == [Outcome.accepted] + [Outcome.not_sent] * 3
    assert len(server.requests) == 2


def limited(reset: str | None) -> object:
    return answer(429, **({"X_RateLimit_Reset": reset} if reset is not None else {}))


def test_a_rate_limit_is_waited_for_and_the_message_sent(waits: Waits) -> None:
    with sink(limited(str(int(NOW.timestamp()) + 20)), ACCEPTED) as server:
        deliveries = channel_to(server.url, waits).deliver(numbered_messages(2))
    assert outcomes(deliveries) == [Outcome.accepted] * 2
    assert len(waits.slept) == 1
    assert 20 <= waits.slept[0] <= 21


@pytest.mark.parametrize("reset", [None, "", "soon", "-1", "9" * 40])
def test_a_reset_without_sense_costs_a_moment_only(waits: Waits, reset: str | None) -> None:
    with sink(limited(reset), ACCEPTED) as server:
        assert outcomes(channel_to(server.url, waits).deliver(numbered_messages(1))) == [Outcome.accepted]
    assert sum(waits.slept) <= 2


def test_a_limit_that_lasts_leaves_the_rest_for_later(waits: Waits) -> None:
    with sink(ACCEPTED, limited(str(int(NOW.timestamp()) + 3600))) as server:
        deliveries = channel_to(server.url, waits).deliver(numbered_messages(5))
    assert outcomes(deliveries) == [Outcome.accepted] + [Outcome.not_sent] * 4
    assert (waits.slept, len(server.requests)) == ([], 2)


def test_a_second_refusal_by_the_limit_leaves_the_rest_for_later(waits: Waits) -> None:
    with sink(limited(None)) as server:
        assert outcomes(channel_to(server.url, waits).deliver(numbered_messages(5))) == [Outcome.not_sent] * 5
    assert len(server.requests) == 2


def test_a_provider_in_trouble_makes_few_unknowns(waits: Waits) -> None:
    with sink(answer(503)) as server:
        deliveries = channel_to(server.url, waits).deliver(numbered_messages(50))
    assert outcomes(deliveries) == [Outcome.unknown] * UNKNOWN_IN_A_ROW + [Outcome.not_sent] * 47
    assert len(server.requests) == UNKNOWN_IN_A_ROW


def test_a_batch_ends_when_its_time_is_over(waits: Waits) -> None:
    def slow(handler: object) -> None:
        waits.sleep(40)
        ACCEPTED(handler)

    with sink(slow) as server:
        deliveries = channel_to(server.url, waits).deliver(numbered_messages(5))
    assert outcomes(deliveries) == [Outcome.accepted] * 2 + [Outcome.not_sent] * 3


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def port_without_tls() -> Iterator[int]:
    """A port that hangs up as soon as somebody begins to speak TLS."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            connection, _ = server.accept()
            connection.recv(100)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_a_refused_connection_certainly_sent_nothing(waits: Waits, closed_port: int) -> None:
    deliveries = channel_to(f"http://127.0.0.1:{closed_port}", waits).deliver(numbered_messages(3))
    assert outcomes(deliveries) == [Outcome.not_sent] * 3
    assert "no connection" in deliveries[0].detail


def test_an_unknown_host_certainly_sent_nothing(waits: Waits) -> None:
    deliveries = channel_to("http://sendgrid.invalid", waits).deliver(numbered_messages(2))
    assert outcomes(deliveries) == [Outcome.not_sent] * 2


def test_a_failed_tls_handshake_certainly_sent_nothing(waits: Waits, port_without_tls: int) -> None:
    deliveries = channel_to(f"https://127.0.0.1:{port_without_tls}", waits).deliver(numbered_messages(2))
    assert outcomes(deliveries) == [Outcome.not_sent] * 2


def test_a_proxy_of_the_environment_is_for_other_hosts(waits: Waits, monkeypatch: pytest.MonkeyPatch) -> None:
    with sink(ACCEPTED) as proxy, sink(ACCEPTED) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        channel_to(server.url, waits).deliver(numbered_messages(1))
        assert (len(server.requests), len(proxy.requests)) == (1, 0)
        channel_to("http://sendgrid.invalid", waits).deliver(numbered_messages(1))
        assert proxy.requests[0].path == "http://sendgrid.invalid/v3/mail/send"
        monkeypatch.setenv("no_proxy", "sendgrid.invalid")
        channel_to("http://sendgrid.invalid", waits).deliver(numbered_messages(1))
        assert len(proxy.requests) == 1


def test_an_address_that_is_none_is_not_even_posted(waits: Waits) -> None:
    messages = numbered_messages(1)
    broken = OutgoingMessage(**{**vars(messages[0]), "to_address": "nobody"})
    with sink(ACCEPTED) as server:
        assert outcomes(channel_to(server.url, waits).deliver([broken])) == [Outcome.refused]
    assert server.requests == []


def test_key_and_addresses_stay_out_of_logs_and_reports(waits: Waits, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    repeated = errors(400, f"Bearer {KEY} may not write to customer-0@mail.invalid")
    stopping = errors(401, f"the key {KEY} is wrong")
    with sink(repeated, stand_in.reset, stopping) as server:
        channel = channel_to(server.url, waits)
        with pytest.raises(LineStopped) as stopped:
            channel.deliver(numbered_messages(3))
    seen = [caplog.text, repr(channel), repr(vars(channel)), repr(stopped.value), str(stopped.value)]
    seen += [delivery.detail for delivery in stopped.value.deliveries]
    assert not [text for text in seen if KEY in text or "@mail.invalid" in text]
    assert "[key] may not write to [address]" in stopped.value.deliveries[0].detail


def test_sendgrid_cannot_be_asked_for_our_messages(waits: Waits) -> None:
    assert channel_to("http://127.0.0.1:9", waits).find([UUID(int=0)]) is None

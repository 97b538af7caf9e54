import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from pydantic import SecretStr

from ekiden.delivery.channels.base import Delivery, Outcome, ProviderBusy, ProviderStopped
from ekiden.delivery.channels.batches import UNKNOWN_IN_A_ROW
from ekiden.delivery.channels.sendgrid.channel import JITTER_SECONDS, SendGridChannel
from tests.integration.delivery.channels.mail import apart, ids_of, mail, received, to, together
from tests.integration.delivery.channels.provider import PATIENCE, Answer, answer, outcomes, reset
from tests.integration.delivery.channels.sink import errors, sink
from tests.loopback import Handler

KEY = "SG.secret-of-the-test"
NOW = datetime(2024, 2, 29, 3, 0, 0, tzinfo=UTC)
ACCEPTED = answer(202, X_Message_Id="provider-1")
IN_A_MINUTE = str(int(NOW.timestamp()) + 60)


def channel_to(url: str, **options: object) -> SendGridChannel:
    return SendGridChannel(SecretStr(KEY), host=url, **({"clock": lambda: NOW} | options))


def test_one_request_carries_a_thousand_and_says_who_each_is_for() -> None:
    messages = together(1_000)
    with sink(ACCEPTED) as server:
        deliveries = channel_to(server.url).deliver(messages)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v3/mail/send")
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Content-Type"] == "application/json"
    assert "Expect" not in request.headers
    assert deliveries == [
        Delivery(message.message_id, Outcome.accepted, "provider-1", "SendGrid answered 202") for message in messages
    ]
    got = received(request.json)
    assert got == {m.message_id: (m.rendered.subject, m.rendered.text, m.rendered.html) for m in messages}


def test_messages_without_shared_content_go_one_by_one_and_each_gets_its_own_answer() -> None:
    with sink(ACCEPTED, errors(400, "wrong"), ACCEPTED) as server:
        deliveries = channel_to(server.url, connections=1).deliver(apart(3))
    assert outcomes(deliveries) == [Outcome.accepted, Outcome.refused, Outcome.accepted]
    assert [ids_of(request.json) for request in server.requests] == [[UUID(int=number)] for number in range(3)]
    assert deliveries[1].detail == "SendGrid answered 400: request: wrong"


def test_two_messages_to_one_address_go_in_two_requests() -> None:
    with sink(ACCEPTED) as server:
        channel_to(server.url).deliver([mail(0, address="a@x.invalid"), mail(1, address="A@X.invalid"), mail(2)])
    assert sorted(len(request.json["personalizations"]) for request in server.requests) == [1, 2]


def test_a_refused_sender_stops_the_line_and_is_no_messages_fault() -> None:
    with (
        sink(errors(400, "Does not contain a valid address.", "from")) as server,
        pytest.raises(ProviderStopped, match=r"from: Does not contain a valid address\.") as stop,
    ):
        channel_to(server.url).deliver(together(50))
    assert outcomes(stop.value.deliveries) == [Outcome.not_sent] * 50
    assert len(server.requests) == 1


def test_a_named_recipient_is_tried_alone_and_the_others_together() -> None:
    with sink(errors(400, "wrong", "personalizations.7.to"), errors(400, "wrong"), ACCEPTED) as server:
        deliveries = channel_to(server.url, connections=1).deliver(together(10))
    assert [number for number, one in enumerate(deliveries) if one.outcome is Outcome.refused] == [7]
    assert [len(request.json["personalizations"]) for request in server.requests] == [10, 1, 9]


def test_one_connection_serves_a_batch_and_the_next_one() -> None:
    with sink(ACCEPTED) as server:
        channel = channel_to(server.url, connections=1)
        assert outcomes(channel.deliver(apart(20))) == [Outcome.accepted] * 20
        channel.deliver(apart(1))
    assert len({request.connection for request in server.requests}) == 1


class Crowd:
    """Answers when as many requests as expected are there at once, or after a moment."""

    def __init__(self, expected: int, reply: Answer = ACCEPTED) -> None:
        self._barrier = threading.Barrier(expected)
        self._reply = reply
        self.met = 0

    def __call__(self, handler: Handler) -> None:
        try:
            self._barrier.wait(PATIENCE)
            self.met += 1
        except threading.BrokenBarrierError:
            pass
        self._reply(handler)


def test_requests_of_their_own_are_under_way_together_over_connections_that_stay_open() -> None:
    crowd = Crowd(4)
    with sink(crowd) as server:
        channel = channel_to(server.url, connections=4)
        assert outcomes(channel.deliver(apart(12))) == [Outcome.accepted] * 12
        assert outcomes(channel.deliver(apart(4))) == [Outcome.accepted] * 4
    assert crowd.met == 16
    assert len({request.connection for request in server.requests}) == 4
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sendgrid")]


@pytest.mark.parametrize("status", [401, 403, 406, 451])
def test_the_line_stops_and_every_message_is_accounted_for(status: int) -> None:
    with (
        sink(ACCEPTED, errors(status, "authorization required")) as server,
        pytest.raises(ProviderStopped, match="authorization required") as stopped,
    ):
        channel_to(server.url, connections=1).deliver(apart(4))
    assert [delivery.message_id for delivery in stopped.value.deliveries] == [UUID(int=n) for n in range(4)]
    assert outcomes(stopped.value.deliveries) == [Outcome.accepted] + [Outcome.not_sent] * 3
    assert len(server.requests) == 2


@pytest.mark.parametrize(("status", "error"), [(401, ProviderStopped), (429, ProviderBusy)])
def test_what_is_under_way_when_the_line_stops_keeps_its_answers_and_nothing_else_begins(
    status: int, error: type[ProviderStopped | ProviderBusy]
) -> None:
    is_stopped = threading.Event()

    def stop(handler: Handler) -> None:
        answer(status)(handler)
        is_stopped.set()

    def late(handler: Handler) -> None:
        assert is_stopped.wait(PATIENCE)
        # until the answer has been read, and what else could begin has begun
        time.sleep(0.5)
        ACCEPTED(handler)

    with sink(late, late, late, stop) as server, pytest.raises(error) as raised:
        channel_to(server.url, connections=4).deliver(apart(40))
    assert sorted(outcomes(raised.value.deliveries)) == ["accepted"] * 3 + ["not_sent"] * 37
    assert len(server.requests) == 4


def test_trouble_of_several_connections_ends_the_batch() -> None:
    with sink(answer(503)) as server, pytest.raises(ProviderBusy, match="without a clear answer") as busy:
        channel_to(server.url, connections=4).deliver(apart(50))
    deliveries = busy.value.deliveries
    unknown = outcomes(deliveries).count(Outcome.unknown)
    assert UNKNOWN_IN_A_ROW <= unknown == len(server.requests) <= UNKNOWN_IN_A_ROW + 3
    assert outcomes(deliveries).count(Outcome.not_sent) == 50 - unknown


def test_a_rate_limit_is_for_the_loop_to_wait_for() -> None:
    with (
        sink(ACCEPTED, answer(429, X_RateLimit_Reset=IN_A_MINUTE)) as server,
        pytest.raises(ProviderBusy, match="takes no more requests for now") as busy,
    ):
        channel_to(server.url, connections=1).deliver(apart(5))
    assert outcomes(busy.value.deliveries) == [Outcome.accepted] + [Outcome.not_sent] * 4
    assert timedelta(seconds=60) <= busy.value.until - NOW <= timedelta(seconds=60 + JITTER_SECONDS)
    assert len(server.requests) == 2


def test_the_last_request_of_an_interval_is_kept_and_the_next_one_waits() -> None:
    last = answer(202, X_RateLimit_Remaining="0", X_RateLimit_Reset=IN_A_MINUTE)
    with sink(last) as server, pytest.raises(ProviderBusy) as busy:
        channel_to(server.url).deliver(together(5))
    assert outcomes(busy.value.deliveries) == [Outcome.accepted] * 5
    assert len(server.requests) == 1


def test_a_batch_ends_when_its_time_is_over() -> None:
    now = [0.0]

    def slow(handler: Handler) -> None:
        now[0] += 40
        ACCEPTED(handler)

    with sink(slow) as server:
        channel = channel_to(server.url, connections=1, elapsed=lambda: now[0])
        with pytest.raises(ProviderBusy, match="took too long") as busy:
            channel.deliver(apart(5))
    assert outcomes(busy.value.deliveries) == [Outcome.accepted] * 2 + [Outcome.not_sent] * 3
    assert busy.value.until == NOW


def test_a_redirect_is_not_followed() -> None:
    with sink(ACCEPTED) as elsewhere, sink(answer(307, Location=f"{elsewhere.url}/v3/mail/send")) as server:
        assert outcomes(channel_to(server.url).deliver(together(1))) == [Outcome.unknown]
    assert (elsewhere.requests, len(server.requests)) == ([], 1)


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    yield


@pytest.mark.usefixtures("no_proxy")
def test_a_proxy_of_the_environment_is_for_other_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    with sink(ACCEPTED) as proxy, sink(ACCEPTED) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert outcomes(channel_to(server.url).deliver(together(1))) == [Outcome.accepted]
        assert outcomes(channel_to("http://sendgrid.invalid").deliver(together(1))) == [Outcome.accepted]
        assert [request.path for request in proxy.requests] == ["http://sendgrid.invalid/v3/mail/send"]
        monkeypatch.setenv("no_proxy", "sendgrid.invalid")
        with pytest.raises(ProviderBusy, match="no connection"):
            channel_to("http://sendgrid.invalid").deliver(together(1))
        assert len(proxy.requests) == 1


def test_an_address_that_is_none_and_what_is_no_text_are_not_even_posted() -> None:
    nobody = to(mail(0), to_address="nobody")
    broken = mail(2, name="\ud800", values=["\ud800", "x", "y"])
    with sink(ACCEPTED) as server:
        deliveries = channel_to(server.url).deliver([nobody, mail(1), broken, mail(3)])
    assert outcomes(deliveries) == [Outcome.refused, Outcome.accepted, Outcome.refused, Outcome.accepted]
    assert [ids_of(request.json) for request in server.requests] == [[UUID(int=1), UUID(int=3)]]


def test_no_messages_are_no_request() -> None:
    assert channel_to("http://127.0.0.1:9").deliver([]) == []


def test_key_and_addresses_stay_out_of_logs_and_reports(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    repeated = errors(400, f"Bearer {KEY} may not write to customer-0@mail.invalid or customer-1@mail.invalid")
    stopping = errors(401, f"the key {KEY} is wrong")
    with sink(repeated, repeated, reset, reset, stopping) as server:
        channel = channel_to(server.url, connections=1)
        with pytest.raises(ProviderStopped) as stopped:
            channel.deliver([*together(2), *apart(5)[2:]])
    deliveries = stopped.value.deliveries
    seen = [caplog.text, repr(channel), repr(vars(channel)), repr(stopped.value), str(stopped.value), repr(deliveries)]
    seen += [repr(vars(part)) for part in (channel._sendgrid, channel._sendgrid.client, channel._mail_send)]
    assert not [text for text in seen if KEY in text or "@mail.invalid" in text]
    assert "Bearer [hidden] may not write to [hidden] or [address]" in deliveries[0].detail
    assert "駅伝" not in caplog.text
    assert "花子" not in caplog.text


@pytest.mark.parametrize("key", ["", " ", "SG.secret\nX-Header: y", "SG.秘密"])
def test_a_key_that_is_none_is_not_shown_either(key: str) -> None:
    with pytest.raises(ValueError, match="EKIDEN_SENDGRID_API_KEY") as error:
        SendGridChannel(SecretStr(key))
    assert "secret" not in str(error.value)
    assert SendGridChannel(SecretStr(" SG.key\n"))


def test_sendgrid_cannot_be_asked_for_our_messages() -> None:
    assert channel_to("http://127.0.0.1:9").find([UUID(int=0)]) is None

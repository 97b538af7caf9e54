"""What may go wrong between us and SendGrid, and what each message's outcome is then."""

import gzip
import json
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr

from ekiden.content.render import RenderedMessage
from ekiden.delivery.channels.base import Delivery, LineBusy, LineStopped, Outcome, OutgoingMessage
from ekiden.delivery.channels.batches import UNKNOWN_IN_A_ROW, WAIT
from ekiden.delivery.channels.sendgrid import SendGridChannel
from tests.integration.channels.mail import apart, mail, to, together
from tests.integration.channels.raw_server import Conversation, RawServer, Talk, raw_server, self_signed

NOW = datetime(2024, 2, 29, 3, 0, 0, tzinfo=UTC)
LETTERS = {Outcome.accepted: "a", Outcome.refused: "r", Outcome.not_sent: "n", Outcome.unknown: "u"}
# seconds of patience: for what never comes, and for what does come from a busy machine
SHORT, LONG = 0.3, 20.0


def answering(status: int, body: bytes = b"", *headers: str, length: int | None = None) -> Conversation:
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body) if length is None else length}", *headers]
    return saying("\r\n".join([*lines, "", ""]).encode() + body, turned_down=400 <= status < 500)


def saying(data: bytes, *, turned_down: bool = False) -> Conversation:
    def talk(talk: Talk) -> None:
        if talk.request():
            if turned_down:
                talk.server.note_turned_down()
            talk.say(data)

    return talk


def and_then(said: Conversation, end: Callable[[Talk], None]) -> Conversation:
    def talk(talk: Talk) -> None:
        said(talk)
        end(talk)

    return talk


ACCEPTED = answering(202, b"", "X-Message-Id: provider-1")
WHOLE = b"HTTP/1.1 202 Accepted\r\nServer: nginx\r\nX-Message-Id: provider-1\r\nContent-Length: 0\r\n\r\n"


def dripping(data: bytes) -> Conversation:
    """Send a byte whenever the patience for one more is nearly at an end."""

    def talk(talk: Talk) -> None:
        if talk.request():
            for byte in data:
                talk.say(bytes([byte]))
                time.sleep(SHORT / 5)

    return talk


def early(status: int) -> Conversation:
    """Answer when only the head has been read, then read the rest, as servers do that close politely."""

    def talk(talk: Talk) -> None:
        talk.head()
        talk.say(f"HTTP/1.1 {status} Early\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        talk.wait()

    return talk


def errors(*fields: str | None) -> bytes:
    return json.dumps({"errors": [{"message": "wrong", "field": field, "help": None} for field in fields]}).encode()


@dataclass(frozen=True)
class Case:
    """The first request meets `first`, all others are accepted; a letter of outcome for each of four messages."""

    first: Conversation
    together: str
    """All four in the first request."""
    apart: str
    """Each in a request of its own, one after the other."""
    raised: type[Exception] | None = None
    patience: float = LONG


UNKNOWN = ("uuuu", "uaaa")
REFUSED = ("aaaa", "raaa")  # of the four together nobody alone is guilty, because only the first request is refused
STOPPED = ("nnnn", "nnnn", LineStopped)
BUSY = ("nnnn", "nnnn", LineBusy)

CASES = {
    "202": Case(ACCEPTED, "aaaa", "aaaa"),
    "202 with a body": Case(answering(202, b"hello"), "aaaa", "aaaa"),
    "202 after 100 Continue": Case(saying(b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE), "aaaa", "aaaa"),
    "202 in chunks": Case(
        saying(b"HTTP/1.1 202 A\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), "aaaa", "aaaa"
    ),
    "202 that ends with the connection": Case(
        and_then(saying(b"HTTP/1.0 202 A\r\n\r\nabc"), Talk.hang_up), "aaaa", "aaaa"
    ),
    "202 and the connection closed": Case(
        and_then(answering(202, b"", "Connection: close"), Talk.hang_up), "aaaa", "aaaa"
    ),
    "202 longer than anybody reads": Case(answering(202, b"x" * 300_000), "aaaa", "aaaa"),
    "202 and another answer nobody asked for": Case(saying(WHOLE + b"HTTP/1.1 400 B\r\n\r\n"), "aaaa", "aaaa"),
    "202 before the request is whole": Case(early(202), "aaaa", "aaaa"),
    **{
        f"{status}": Case(answering(status), *UNKNOWN)
        for status in (200, 201, 204, 206, 299, 300, 304, 404, 408, 422, 500, 502, 503, 504, 599)
    },
    "a redirect": Case(answering(302, b"", "Location: /v3/mail/send"), *UNKNOWN),
    "a redirect that keeps the method": Case(answering(307, b"", "Location: /v3/mail/send"), *UNKNOWN),
    "103 instead of an answer": Case(
        and_then(saying(b"HTTP/1.1 103 Early Hints\r\n\r\n"), lambda talk: time.sleep(0.05)), *UNKNOWN
    ),
    "400 without a name": Case(answering(400, errors(None)), *REFUSED),
    "400 that names two": Case(answering(400, errors("personalizations.0.to", "personalizations.3.to")), *REFUSED),
    "400 compressed": Case(
        answering(400, gzip.compress(errors("personalizations.0.to")), "Content-Encoding: gzip"), *REFUSED
    ),
    "400 for the sender": Case(answering(400, errors("from.email")), *STOPPED),
    "413": Case(answering(413), *REFUSED),
    "413 before the request is whole": Case(early(413), *REFUSED),
    **{f"{status}": Case(answering(status, errors(None)), *STOPPED) for status in (401, 403, 406, 451)},
    "429": Case(answering(429), *BUSY),
    "429 until a reset": Case(answering(429, b"", f"X-RateLimit-Reset: {int(NOW.timestamp()) + 60}"), *BUSY),
    "the last of an interval": Case(
        answering(202, b"", "X-RateLimit-Remaining: 0", f"X-RateLimit-Reset: {int(NOW.timestamp()) + 60}"),
        "aaaa",
        "annn",
        LineBusy,
    ),
    "a reset at once": Case(Talk.reset, *UNKNOWN),
    "a reset within the head": Case(and_then(lambda talk: talk.bytes(100), Talk.reset), *UNKNOWN),
    "a reset within the body": Case(and_then(lambda talk: talk.bytes(900), Talk.reset), *UNKNOWN),
    "a reset instead of an answer": Case(and_then(Talk.request, Talk.reset), *UNKNOWN),
    "a connection closed instead of an answer": Case(and_then(Talk.request, Talk.hang_up), *UNKNOWN),
    "an answer cut in its head": Case(and_then(saying(WHOLE[:30]), Talk.hang_up), *UNKNOWN),
    "an answer cut after its status": Case(and_then(saying(WHOLE[:23]), Talk.hang_up), *UNKNOWN),
    "an answer cut in its body": Case(and_then(answering(202, b"x", length=9), Talk.hang_up), *UNKNOWN),
    "a refusal cut in its body": Case(
        and_then(saying(b"HTTP/1.1 400 B\r\nContent-Length: 99\r\n\r\n{"), Talk.hang_up), *UNKNOWN
    ),
    "a chunk cut": Case(
        and_then(saying(b"HTTP/1.1 202 A\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc"), Talk.hang_up), *UNKNOWN
    ),
    "garbage": Case(and_then(saying(b"220 SMTP ready\r\n\r\n"), Talk.hang_up), *UNKNOWN),
    "zeros": Case(and_then(saying(bytes(2_000)), Talk.hang_up), *UNKNOWN),
    "an endless line": Case(and_then(saying(b"HTTP/1.1 202 A\r\nX: " + b"x" * 100_000), Talk.hang_up), *UNKNOWN),
    "too many headers": Case(
        and_then(saying(b"HTTP/1.1 202 A\r\n" + b"X: y\r\n" * 200 + b"\r\n"), Talk.hang_up), *UNKNOWN
    ),
    "a stall instead of an answer": Case(and_then(Talk.request, Talk.wait), *UNKNOWN, patience=SHORT),
    "a stall within an answer": Case(and_then(saying(WHOLE[:50]), Talk.wait), *UNKNOWN, patience=SHORT),
    "an answer that drips": Case(dripping(WHOLE), *UNKNOWN, patience=SHORT),
}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(params=["http", "https"])
def context(
    request: pytest.FixtureRequest, certificate: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> ssl.SSLContext | None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
    return certificate[0] if request.param == "https" else None


def channel_to(url: str, **options: object) -> SendGridChannel:
    settings = {"clock": lambda: NOW, "connections": 1, "connect_seconds": LONG, "read_seconds": LONG} | options
    return SendGridChannel(SecretStr("SG.key"), host=url, **settings)


def delivered(channel: SendGridChannel, messages: list[OutgoingMessage]) -> tuple[list[Delivery], type | None]:
    try:
        return channel.deliver(messages), None
    except (LineStopped, LineBusy) as error:
        return error.deliveries, type(error)


def one_after_the_other(channel: SendGridChannel, count: int) -> list[Delivery]:
    return [delivery for number in range(count) for delivery in delivered(channel, [mail(number)])[0]]


def judge(server: RawServer, deliveries: list[Delivery]) -> None:
    """Nothing went out twice, nothing that is said not to be sent went out, nothing accepted is missing."""
    assert max(server.maybe_accepted.values(), default=0) <= 1
    for delivery in deliveries:
        if delivery.outcome in (Outcome.not_sent, Outcome.refused):
            assert server.maybe_accepted[delivery.message_id] == 0
        if delivery.outcome is Outcome.accepted and server.bodies:
            assert server.maybe_accepted[delivery.message_id] == 1


def letters(deliveries: list[Delivery]) -> str:
    return "".join(LETTERS[delivery.outcome] for delivery in deliveries)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("way", [together, apart])
def test_a_fault_has_its_documented_outcome(
    context: ssl.SSLContext | None, case: Case, way: Callable[[int], list[OutgoingMessage]]
) -> None:
    with raw_server(case.first, ACCEPTED, context=context) as server:
        messages = way(4)
        deliveries, raised = delivered(channel_to(server.url, read_seconds=case.patience), messages)
        wanted = (case.together if way is together else case.apart, case.raised)
        assert (letters(deliveries), raised) == wanted, [each.detail for each in deliveries]
        assert [delivery.message_id for delivery in deliveries] == [message.message_id for message in messages]
        if "before the request is whole" not in next(name for name, one in CASES.items() if one is case):
            judge(server, deliveries)


@pytest.mark.parametrize("ending", [Talk.hang_up, Talk.reset])
def test_an_answer_cut_at_any_byte_is_no_answer(context: ssl.SSLContext | None, ending: Callable[[Talk], None]) -> None:
    cuts = range(0, len(WHOLE), 1 if ending is Talk.hang_up and context is None else 9)
    conversations = [and_then(saying(WHOLE[:cut]), ending) for cut in cuts]
    with raw_server(*conversations, ACCEPTED, context=context) as server:
        channel = channel_to(server.url)
        deliveries = one_after_the_other(channel, len(conversations) + 1)
        assert letters(deliveries) == "u" * len(conversations) + "a", [each.detail for each in deliveries]
        judge(server, deliveries)


def test_a_request_cut_at_any_byte_is_unknown_and_not_repeated(context: ssl.SSLContext | None) -> None:
    with raw_server(ACCEPTED) as server:
        channel_to(server.url).deliver([mail(0)])
    # the head has some hundred bytes
    size = 200 + len(json.dumps(server.bodies[0], ensure_ascii=False, separators=(",", ":")).encode())
    cuts = range(0, size, 97)
    conversations = [and_then(lambda talk, cut=cut: talk.bytes(cut), Talk.reset) for cut in cuts]
    with raw_server(*conversations, ACCEPTED, context=context) as server:
        channel = channel_to(server.url)
        deliveries = one_after_the_other(channel, len(conversations) + 1)
        assert letters(deliveries) == "u" * len(conversations) + "a", [each.detail for each in deliveries]
        assert len(server.bodies) == 1


def large(count: int) -> list[OutgoingMessage]:
    """Return messages too large for the buffers between us and a server that does not read."""
    return [to(one, rendered=RenderedMessage("件名", "本文" * 2_000_000, None, "hash")) for one in apart(count)]


@pytest.mark.parametrize("status", [202, 413])
def test_an_upload_that_is_cut_by_an_answer_is_never_an_accepted_one(status: int) -> None:
    """Whether the answer can still be read after the cut is up to the network; a 202 to half a request is none."""

    def early_and_gone(talk: Talk) -> None:
        talk.head()
        talk.say(f"HTTP/1.1 {status} Early\r\nContent-Length: 0\r\n\r\n".encode())
        talk.reset()

    with raw_server(early_and_gone, ACCEPTED) as server:
        (delivery,) = channel_to(server.url).deliver(large(1))
    assert delivery.outcome in ({Outcome.unknown} if status == 202 else {Outcome.refused, Outcome.unknown})


def test_a_server_that_does_not_read_costs_our_patience_once() -> None:
    def deaf(talk: Talk) -> None:
        talk.head()
        talk.server.closing.wait()

    with raw_server(deaf, ACCEPTED) as server:
        began = time.monotonic()
        (delivery,) = channel_to(server.url, read_seconds=SHORT).deliver(large(1))
        assert delivery.outcome is Outcome.unknown
        assert time.monotonic() - began < 3


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_refused_connection_certainly_sent_nothing(closed_port: int) -> None:
    with pytest.raises(LineBusy) as busy:
        channel_to(f"http://127.0.0.1:{closed_port}").deliver(apart(3))
    deliveries = busy.value.deliveries
    assert letters(deliveries) == "nnn"
    assert NOW + WAIT <= busy.value.until <= NOW + 2 * WAIT
    assert "no connection to SendGrid (NewConnectionError)" in deliveries[0].detail


def test_an_unknown_host_certainly_sent_nothing() -> None:
    deliveries, raised = delivered(channel_to("http://sendgrid.invalid"), together(2))
    assert raised is LineBusy
    assert letters(deliveries) == "nn"
    assert "NameResolutionError" in deliveries[0].detail


def test_a_host_that_does_not_answer_certainly_got_nothing() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        # a full queue of connections: the next one is not even begun
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(server.getsockname())
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        deliveries, _ = delivered(channel_to(url, connect_seconds=SHORT), together(2))
        for one in waiting:
            one.close()
    assert letters(deliveries) == "nn"
    assert "ConnectTimeoutError" in deliveries[0].detail


def test_a_failed_handshake_certainly_sent_nothing(certificate: tuple[ssl.SSLContext, Path]) -> None:
    with raw_server(Talk.hang_up) as server:
        deliveries, _ = delivered(channel_to(server.url.replace("http:", "https:")), together(2))
    assert letters(deliveries) == "nn"


def test_a_certificate_nobody_vouches_for_certainly_got_nothing(certificate: tuple[ssl.SSLContext, Path]) -> None:
    with raw_server(ACCEPTED, context=certificate[0]) as server:
        deliveries, _ = delivered(channel_to(server.url), together(2))
        assert letters(deliveries) == "nn"
        assert server.bodies == []


def test_a_certificate_for_another_name_certainly_got_nothing(context: ssl.SSLContext | None) -> None:
    with raw_server(ACCEPTED, context=context) as server:
        deliveries, _ = delivered(channel_to(server.url.replace("127.0.0.1", "localhost")), together(2))
        assert letters(deliveries) == ("nn" if context else "aa")


def test_a_connection_that_was_idle_is_not_trusted_again() -> None:
    with raw_server(ACCEPTED, ACCEPTED, Talk.reset, ACCEPTED) as server:
        channel = channel_to(server.url, idle_seconds=0.05)
        channel.deliver([mail(0)])
        channel.deliver([mail(1)])
        assert server.connections == 1
        time.sleep(0.1)
        channel.deliver([mail(2)])
        assert server.connections == 2


def test_a_connection_closed_while_it_was_idle_is_opened_anew() -> None:
    with raw_server(and_then(ACCEPTED, Talk.hang_up), ACCEPTED) as server:
        channel = channel_to(server.url)
        first = channel.deliver([mail(0)])
        time.sleep(0.05)
        assert letters(first + channel.deliver([mail(1)])) == "aa"


def test_nothing_of_an_earlier_answer_is_read_as_a_later_one() -> None:
    """A server that says 103 is not finished: its 202 must not be taken for the answer to the next request."""

    def late(talk: Talk) -> None:
        talk.request()
        talk.say(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        time.sleep(0.1)
        talk.say(WHOLE)

    with raw_server(late, answering(503), answering(503)) as server:
        channel = channel_to(server.url)
        assert letters(channel.deliver([mail(0)]) + channel.deliver([mail(1)])) == "uu"


def test_trouble_that_lasts_costs_few_unknown_outcomes() -> None:
    with raw_server(answering(503)) as server:
        channel = channel_to(server.url)
        first = channel.deliver(together(50))
        assert letters(first) == "u" * 50
        second, raised = delivered(channel, [mail(number) for number in range(50, 100)])
        assert raised is LineBusy
        assert letters(second) == "u" * (UNKNOWN_IN_A_ROW - 1) + "n" * (51 - UNKNOWN_IN_A_ROW)
        third, _ = delivered(channel, [mail(number) for number in range(100, 150)])
        assert letters(third) == "u" + "n" * 49
        judge(server, first + second + third)


def test_after_trouble_one_message_finds_out_and_the_others_follow_together() -> None:
    with raw_server(answering(503), ACCEPTED) as server:
        channel = channel_to(server.url)
        channel.deliver([mail(0)])
        assert letters(channel.deliver([mail(number) for number in range(1, 100)])) == "a" * 99
        assert [len(body["personalizations"]) for body in server.bodies] == [1, 1, 98]


def test_of_three_hundred_only_the_guilty_are_refused() -> None:
    guilty = {UUID(int=number) for number in (0, 17, 150, 298, 299)}

    def judging(talk: Talk) -> None:
        if talk.request():
            body = talk.server.bodies[-1]
            ids = [UUID(one["custom_args"]["ekiden_message_id"]) for one in body["personalizations"]]
            if guilty.isdisjoint(ids):
                talk.say(WHOLE)
            else:
                talk.server.note_turned_down()
                said = errors(None)
                talk.say(f"HTTP/1.1 400 Bad\r\nContent-Length: {len(said)}\r\n\r\n".encode() + said)

    with raw_server(judging) as server:
        deliveries = channel_to(server.url).deliver(together(300))
        assert {one.message_id for one in deliveries if one.outcome is Outcome.refused} == guilty
        assert letters(deliveries).count("a") == 295
        assert len(server.bodies) < 100
        judge(server, deliveries)


@pytest.mark.parametrize("end", ["stopped", "busy", "unknown", "time"])
def test_a_search_for_the_guilty_that_is_cut_short_keeps_what_was_answered(end: str) -> None:
    last = {"stopped": answering(401), "busy": answering(429), "unknown": answering(500), "time": ACCEPTED}[end]
    seconds = iter([0.0, 1.0, 2.0, 3.0, *[99.0] * 50])
    with raw_server(answering(400), ACCEPTED, answering(400), last) as server:
        channel = channel_to(server.url, elapsed=(lambda: next(seconds)) if end == "time" else time.monotonic)
        deliveries, raised = delivered(channel, together(8))
        # the first half was accepted, the second refused; its first half meets the end (in trouble, one at a time)
        expected = {"stopped": "aaaannnn", "busy": "aaaannnn", "unknown": "aaaauuuu", "time": "aaaannnn"}[end]
        assert raised is (LineStopped if end == "stopped" else LineBusy)
        assert letters(deliveries) == expected
        judge(server, deliveries)

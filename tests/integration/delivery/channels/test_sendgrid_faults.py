"""What may go wrong between us and SendGrid, and what each message's outcome is then."""

import gzip
import json
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from ekiden.content.message import RenderedMessage
from ekiden.delivery.channels.base import Delivery, Outcome, OutgoingMessage, ProviderBusy, ProviderStopped
from ekiden.delivery.channels.http import transport
from ekiden.delivery.channels.sendgrid.channel import SendGridChannel
from tests.integration.delivery.channels.mail import apart, mail, to, together
from tests.integration.delivery.channels.raw_server import Conversation, Talk, raw_server
from tests.integration.delivery.channels.sendgrid_talks import (
    ACCEPTED,
    EITHER,
    LONG,
    NOW,
    SHORT,
    WHOLE,
    and_then,
    answering,
    channel_to,
    delivered,
    errors,
    judge,
    letters,
    saying,
)


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
STOPPED = ("nnnn", "nnnn", ProviderStopped)
BUSY = ("nnnn", "nnnn", ProviderBusy)

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
        ProviderBusy,
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


def one_after_the_other(channel: SendGridChannel, count: int) -> list[Delivery]:
    return [delivery for number in range(count) for delivery in delivered(channel, [mail(number)])[0]]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("way", [together, apart])
def test_a_fault_has_its_documented_outcome(
    context: ssl.SSLContext | None, case: Case, way: Callable[[int], list[OutgoingMessage]]
) -> None:
    with raw_server(case.first, ACCEPTED, context=context) as server:
        messages = way(4)
        # of those that go apart, the others are answered
        patience = case.patience if way is together else max(case.patience, EITHER)
        deliveries, raised = delivered(channel_to(server.url, read_seconds=patience), messages)
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


def ahead_of_the_upload(said: bytes, afterwards: bytes = b"") -> Conversation:
    """Answer when only the head has been read, while most of a large request is still to come, then read all of it."""

    def talk(talk: Talk) -> None:
        head = talk.head()
        talk.say(said)
        # the answer has been there for a while when the last byte is sent: no buffer holds so large a request
        time.sleep(0.2)
        talk.give_back(head)
        if talk.request():
            talk.say(afterwards)

    return talk


@pytest.mark.parametrize(("status", "letter"), [(202, "u"), (413, "r"), (500, "u")])
def test_an_answer_ahead_of_the_upload_counts_only_if_it_turns_the_request_down(
    context: ssl.SSLContext | None, status: int, letter: str
) -> None:
    said = f"HTTP/1.1 {status} Early\r\nX-Message-Id: ghost\r\nContent-Length: 0\r\n\r\n".encode()
    with raw_server(ahead_of_the_upload(said), ACCEPTED, context=context) as server:
        channel = channel_to(server.url)
        assert letters(channel.deliver(large(1))) == letter
        # and what may come behind it is no answer to the next one
        assert letters(channel.deliver(apart(1))) == "a"
        assert server.connections == 2


class Tunnel(socketserver.BaseRequestHandler):
    """What a proxy does with CONNECT: say yes, and carry bytes both ways."""

    def handle(self) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += self.request.recv(65_536)
        host, port = asked.split()[1].decode().split(":")
        with socket.create_connection((host, int(port))) as there:
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=self._carry, args=(there, self.request))
            back.start()
            self._carry(self.request, there)
            back.join()

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


class Proxy(socketserver.ThreadingTCPServer):
    # the channel keeps its connection open, and nobody waits for its end
    daemon_threads = True


def test_what_came_ahead_of_an_upload_is_not_taken_for_the_proxys_word_at_the_next_post(
    monkeypatch: pytest.MonkeyPatch, certificate: tuple[ssl.SSLContext, Path]
) -> None:
    turned_down = ahead_of_the_upload(b"HTTP/1.1 413 Early\r\nContent-Length: 0\r\n\r\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
    with (
        raw_server(turned_down, turned_down, ACCEPTED, context=certificate[0]) as server,
        Proxy(("127.0.0.1", 0), Tunnel) as proxy,
    ):
        threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
        # a proxy is for other machines, which no test talks to
        monkeypatch.setattr(transport, "_proxy_for", lambda url: f"http://127.0.0.1:{proxy.server_address[1]}")
        channel = channel_to(server.url)
        try:
            told = [letters(channel.deliver(messages)) for messages in (large(1), large(1), apart(1))]
        finally:
            proxy.shutdown()
        assert told == ["r", "r", "a"]


def test_a_word_to_go_on_ahead_of_the_upload_is_no_answer(context: ssl.SSLContext | None) -> None:
    with raw_server(ahead_of_the_upload(b"HTTP/1.1 100 Continue\r\n\r\n", WHOLE), context=context) as server:
        assert letters(channel_to(server.url).deliver(large(1))) == "a"


def test_a_server_that_does_not_read_costs_our_patience_once() -> None:
    def deaf(talk: Talk) -> None:
        talk.head()
        talk.server.closing.wait()

    with raw_server(deaf, ACCEPTED) as server:
        began = time.monotonic()
        (delivery,) = channel_to(server.url, read_seconds=SHORT).deliver(large(1))
        assert delivery.outcome is Outcome.unknown
        assert time.monotonic() - began < 3

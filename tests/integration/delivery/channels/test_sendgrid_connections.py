"""Connections to SendGrid: where none came to be nothing was sent, and an old one is not trusted too long."""

import socket
import ssl
import threading
import time
from base64 import b64encode
from pathlib import Path

import pytest

from ekiden.delivery.channels.base import ProviderBusy
from ekiden.delivery.channels.batches import WAIT
from ekiden.delivery.channels.http import transport
from tests.integration.delivery.channels.mail import apart, mail, together
from tests.integration.delivery.channels.raw_server import Talk, raw_server
from tests.integration.delivery.channels.sendgrid_talks import (
    ACCEPTED,
    LONG,
    NOW,
    SHORT,
    WHOLE,
    and_then,
    answering,
    channel_to,
    delivered,
    letters,
)
from tests.loopback import free_port


def test_a_refused_connection_certainly_sent_nothing() -> None:
    with pytest.raises(ProviderBusy) as busy:
        channel_to(f"http://127.0.0.1:{free_port()}").deliver(apart(3))
    deliveries = busy.value.deliveries
    assert letters(deliveries) == "nnn"
    assert NOW + WAIT <= busy.value.until <= NOW + 2 * WAIT
    assert "no connection to SendGrid (NewConnectionError)" in deliveries[0].detail


def test_an_unknown_host_certainly_sent_nothing() -> None:
    deliveries, raised = delivered(channel_to("http://sendgrid.invalid"), together(2))
    assert raised is ProviderBusy
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


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("user", "header"),
    [
        ("", None),
        ("shop:p%40ss%3Aw%C3%B6rd@", f"Basic {b64encode('shop:p@ss:wörd'.encode()).decode()}"),
        ("shop@", f"Basic {b64encode(b'shop:').decode()}"),
    ],
)
def test_a_proxy_is_told_who_we_are_as_its_address_says(
    monkeypatch: pytest.MonkeyPatch, scheme: str, user: str, header: str | None
) -> None:
    heads = []

    def refuse(talk: Talk) -> None:
        heads.append(talk.head())
        talk.say(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with raw_server(refuse) as server:
        monkeypatch.setenv(f"{scheme}_proxy", server.url.replace("http://", f"http://{user}"))
        monkeypatch.setenv("no_proxy", "")
        delivered(channel_to(f"{scheme}://sendgrid.invalid"), together(1))
    said = [line.partition(": ")[2] for line in heads[0].decode().split("\r\n") if line.startswith("Proxy-Auth")]
    assert said == ([header] if header else [])


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


def test_a_connection_that_was_idle_is_not_trusted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = 0.0
    monkeypatch.setattr(transport, "monotonic", lambda: time.monotonic() + passed)
    with raw_server(ACCEPTED, ACCEPTED, Talk.reset, ACCEPTED) as server:
        channel = channel_to(server.url, idle_seconds=LONG)
        channel.deliver([mail(0)])
        channel.deliver([mail(1)])
        assert server.connections == 1
        passed = LONG
        channel.deliver([mail(2)])
        assert server.connections == 2


def test_a_connection_closed_while_it_was_idle_is_opened_anew() -> None:
    is_closed = threading.Event()

    def hang_up(talk: Talk) -> None:
        talk.hang_up()
        is_closed.set()

    with raw_server(and_then(ACCEPTED, hang_up), ACCEPTED) as server:
        channel = channel_to(server.url)
        first = channel.deliver([mail(0)])
        assert is_closed.wait(LONG)
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

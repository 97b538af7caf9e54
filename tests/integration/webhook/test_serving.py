"""The real server, in a process of its own or in a thread, on loopback; whatever ends it, nothing is lost."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any

import pytest
import uvicorn

from ekiden.cli.webhook import MOST_REQUESTS_AT_ONCE
from ekiden.delivery.events.drain import drain
from ekiden.schedule.runs import RunContext
from ekiden.settings import Settings
from ekiden.webhook.app import webhook_app
from ekiden.webhook.door import BODIES_AT_ONCE
from tests.integration.ledger_fixtures import Shop
from tests.integration.webhook.provider import PATH, Provider, body_of, event
from tests.loopback import free_port

LONG = 60.0  # seconds; a machine may be busy with other tests


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < deadline, f"it took too long until {what}"
        time.sleep(0.05)


def is_healthy(port: int) -> bool:
    try:
        return request(port, "GET", "/health") == 200
    except OSError:
        return False


def request(port: int, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=LONG)
    try:
        connection.request(method, path, body, headers or {})
        return connection.getresponse().status
    finally:
        connection.close()


@contextmanager
def process(settings: Settings, port: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    assert settings.database_url is not None
    environment = os.environ | {
        "EKIDEN_HOME": str(settings.home),
        "EKIDEN_DATABASE_URL": settings.database_url.get_secret_value(),
        "EKIDEN_SENDGRID_WEBHOOK_KEY": settings.sendgrid_webhook_key[0],
    }
    command = [sys.executable, "-c", "from ekiden.cli import main; main()", "webhook", "--port", str(port), *options]
    started = subprocess.Popen(command, env=environment)
    try:
        wait_until(lambda: is_healthy(port), "the server answers")
        yield started
    finally:
        started.kill()
        started.wait()


@contextmanager
def thread(settings: Settings, *, most_at_once: int | None = None) -> Iterator[int]:
    port = free_port()
    config = uvicorn.Config(webhook_app(settings), port=port, log_level="error", limit_concurrency=most_at_once)
    server = uvicorn.Server(config)
    running = threading.Thread(target=server.run)
    running.start()
    try:
        wait_until(lambda: server.started, "the server listens")
        yield port
    finally:
        server.should_exit = True
        running.join(LONG)
    assert not running.is_alive()


def events_of(shop: Shop) -> int:
    return len(shop.execute("select 1 from outreach.delivery_events"))


def is_suppressed(shop: Shop) -> bool:
    return bool(shop.execute("select 1 from outreach.suppression_list"))


def test_what_was_answered_for_survives_a_kill_before_it_is_drained(webhook_shop: Shop, provider: Provider):
    port, now = free_port(), datetime.now(UTC)
    bodies = [body_of(event("unsubscribe", now, email=f"c{n}@shop.example")) for n in range(5)]
    with process(webhook_shop.settings, port, "--no-drain") as running:
        answers = [request(port, "POST", PATH, body, provider.headers(body, now)) for body in bodies]
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert answers == [200] * 5
    assert events_of(webhook_shop) == 0
    context = RunContext("webhook")
    done = drain(webhook_shop.connection, settings=webhook_shop.settings, clock=lambda: now, context=context)
    assert (done.new_events, done.suppressed) == (5, 5)


def test_a_server_drains_what_it_receives_writes_down_refusals_and_ends(webhook_shop: Shop, provider: Provider):
    now = datetime.now(UTC)
    body = body_of(event("bounce", now, email="c1@shop.example", type="bounce"))
    with thread(webhook_shop.settings) as port:
        assert request(port, "POST", PATH, body, provider.headers(body, now)) == 200
        assert request(port, "POST", PATH, body, Provider().headers(body, now)) == 401
        too_large: dict[str, Any] = provider.headers(b"", now)
        assert request(port, "POST", PATH, b" " * (3 * 1024 * 1024), too_large) == 413
        assert request(port, "POST", PATH, body, provider.headers(body, now)) == 200
        wait_until(lambda: is_suppressed(webhook_shop), "the bounce is taken in")
    found = webhook_shop.execute("select reason, requests from outreach.webhook_refusals order by 1")
    assert found == [("bad_signature", 1), ("too_large", 1)]


def test_many_slow_posts_of_strangers_keep_nobody_from_unsubscribing(
    webhook_shop: Shop, provider: Provider, monkeypatch: pytest.MonkeyPatch
):
    # so that no place is free only because somebody was too slow
    monkeypatch.setattr("ekiden.webhook.door.MOST_SECONDS", 10 * LONG)
    now = datetime.now(UTC)
    head = "".join(f"{name}: {told}\r\n" for name, told in provider.headers(b"", now).items())
    slow = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{head}Content-Length: 1000\r\n\r\n["
    with thread(webhook_shop.settings, most_at_once=MOST_REQUESTS_AT_ONCE) as port, ExitStack() as strangers:
        for _ in range(MOST_REQUESTS_AT_ONCE):
            connection = strangers.enter_context(socket.create_connection(("127.0.0.1", port), timeout=LONG))
            connection.sendall(slow.encode())
        wait_until(lambda: is_healthy(port), "those are turned away for whom there is no place")
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert request(port, "POST", "/unsubscribe/of-nobody", b"List-Unsubscribe=One-Click", form) == 404
        body = body_of(event("open", now, email="c1@shop.example"))
        assert request(port, "POST", PATH, body, provider.headers(body, now)) == 503
    ((turned_away,),) = webhook_shop.execute("select requests from outreach.webhook_refusals where reason = 'too_many'")
    assert turned_away > BODIES_AT_ONCE / 2

"""A provider on the loopback address that answers, or fails, as told, and remembers what it was asked."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs
from uuid import UUID

from ekiden.content.render import RenderedMessage
from ekiden.delivery.channels.base import Delivery, Outcome, OutgoingMessage, Sender

Answer = Callable[[BaseHTTPRequestHandler], None]


class Request:
    """One request as it arrived."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        self.method = handler.command
        self.path = handler.path
        self.headers = handler.headers
        self.connection = handler.client_address
        self.body = body

    @property
    def json(self) -> object:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {name: value for name, (value,) in parse_qs(self.body.decode(), strict_parsing=True).items()}


class Provider(ThreadingHTTPServer):
    """Answers one request after the other with `answers`, the last of them for ever."""

    daemon_threads = True

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that was cut on purpose is no error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(Request(self, body))
        number = min(len(self.server.requests), len(self.server.answers)) - 1
        self.server.answers[number](self)

    def do_GET(self) -> None:
        self.server.requests.append(Request(self, b""))
        answer(200)(self)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def provider(*answers: Answer) -> Iterator[Provider]:
    with Provider(*answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def answer(status: int, content: object = None, **headers: str) -> Answer:
    """Answer with a status and a JSON body; underscores in names of headers stand for hyphens."""
    body = b"" if content is None else json.dumps(content).encode()

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return send


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Cut the connection so that the other side sees a reset."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def silence(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(0.5)
    handler.close_connection = True


def closed_port() -> int:
    """Return a port of the loopback address where nobody is."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def messages_to(*addresses: str, text: str = "本文\n", html: str | None = None) -> list[OutgoingMessage]:
    return [
        OutgoingMessage(
            message_id=UUID(int=number),
            to_address=address,
            to_name="山田 花子",
            sender=Sender("shop@shop.invalid", "駅伝ショップ", "help@shop.invalid"),
            rendered=RenderedMessage("件名", text, html, "hash"),
            unsubscribe_url=f"https://shop.invalid/u/{number}",
            scenario_code="cross_sell",
            step_no=2,
        )
        for number, address in enumerate(addresses)
    ]


def outcomes(deliveries: list[Delivery]) -> list[Outcome]:
    return [delivery.outcome for delivery in deliveries]

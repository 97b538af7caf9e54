"""A stand-in for SendGrid on 127.0.0.1 that answers, or fails, as told, and remembers what it was asked."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.integration.channels.mail import faults_of_body


class Request:
    """One request as it arrived."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        self.method = handler.command
        self.path = handler.path
        self.headers = handler.headers
        self.connection = handler.client_address
        self.payload: Any = json.loads(body)


Answer = Callable[[BaseHTTPRequestHandler], None]


class Sink(ThreadingHTTPServer):
    """Answers one request after the other with `answers`, the last of them for ever."""

    daemon_threads = True

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []
        self.counting = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that was cut on purpose is no error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Sink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.counting:
            self.server.requests.append(Request(self, body))
            number = min(len(self.server.requests), len(self.server.answers)) - 1
        self.server.answers[number](self)

    def do_GET(self) -> None:
        self.server.requests.append(Request(self, b"null"))
        answer(200)(self)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def sink(*answers: Answer) -> Iterator[Sink]:
    with Sink(*answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
    posted = [request.payload for request in server.requests if request.path == "/v3/mail/send" and request.payload]
    assert [fault for body in posted for fault in faults_of_body(body)] == []


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return send


def errors(status: int, message: str, field: str | None = None) -> Answer:
    body = json.dumps({"errors": [{"message": message, "field": field, "help": None}]})
    return answer(status, body.encode(), Content_Type="application/json")


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Cut the connection so that the other side sees a reset."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def raw(data: bytes) -> Answer:
    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(data)
        handler.close_connection = True

    return send


def silence(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(1)
    handler.close_connection = True

"""A stand-in for SendGrid that keeps a record of whom it took a message for, and fails as told.

The record is the judge: one line for every recipient, with our own id of the message, written before the answer, so
that it outlives a SIGKILL of whoever serves it. Belongs here: taking, recording, failing. Does not belong here: what
ought to come of a failure (`test_faults`, `test_rounds`).
"""

import json
import os
import socket
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, auto
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from tests.loopback import Handler, LoopbackServer

GUILTY = "guilty"
"""A recipient whose address begins so is never taken: the request is refused and says which one it is."""

STALL = 0.8
"""Seconds; longer than the read limit that the tests give to the channel."""


class Fault(StrEnum):
    """What a request meets."""

    NONE = auto()
    """202."""
    RESET_BEFORE_READING = auto()
    RESET_AFTER_READING = auto()
    """The whole request is read, and no byte is answered."""
    HANG_UP = auto()
    """The same, with an orderly end."""
    RESET_MID_ANSWER = auto()
    STALL = auto()
    """No answer within the time limit."""
    DRIP = auto()
    """A whole 202, a few bytes at a time, all of them within the time limit."""
    DRIP_AND_HANG_UP = auto()
    GARBAGE = auto()
    OK_200 = auto()
    CREATED_201 = auto()
    FOUND_302 = auto()
    BAD_REQUEST_400 = auto()
    """Of everything, naming nobody."""
    UNAUTHORIZED_401 = auto()
    FORBIDDEN_403 = auto()
    TOO_LARGE_413 = auto()
    TOO_MANY_429 = auto()
    ERROR_500 = auto()
    UNAVAILABLE_503 = auto()

    @property
    def may_have_taken(self) -> bool:
        """Whether a provider that fails so may have taken the messages, or not."""
        return self not in REFUSALS and self not in (Fault.NONE, Fault.DRIP, Fault.RESET_BEFORE_READING)


REFUSALS: Mapping[Fault, int] = {
    Fault.BAD_REQUEST_400: 400,
    Fault.UNAUTHORIZED_401: 401,
    Fault.FORBIDDEN_403: 403,
    Fault.TOO_LARGE_413: 413,
    Fault.TOO_MANY_429: 429,
}
"""Answers that say that nothing was taken."""

STATUSES: Mapping[Fault, int] = {
    **REFUSALS,
    Fault.NONE: 202,
    Fault.OK_200: 200,
    Fault.CREATED_201: 201,
    Fault.FOUND_302: 302,
    Fault.ERROR_500: 500,
    Fault.UNAVAILABLE_503: 503,
}


@dataclass
class Whims:
    """What requests meet: each a fault by its share, the rest none; `takes` is how many of those that may have taken
    the messages did.
    """

    shares: Mapping[Fault, float] = field(default_factory=dict)
    takes: float = 0.5
    random: Random = field(default_factory=Random)
    reset_at: int = 0
    """Of a 429, in seconds since 1970; 0: the wait is over at once."""

    def draw(self) -> Fault:
        (fault,) = self.random.choices(
            [*self.shares, Fault.NONE], [*self.shares.values(), max(0.0, 1 - sum(self.shares.values()))]
        )
        return fault


@dataclass(frozen=True)
class Record:
    """Whom the sink took messages for, in a file."""

    file: Path

    def take(self, message_ids: Sequence[str]) -> None:
        """Append the ids in one write, after which they outlive this process."""
        descriptor = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(descriptor, "".join(f"{message}\n" for message in message_ids).encode())
        finally:
            os.close(descriptor)

    def taken(self) -> Counter[UUID]:
        """Return how often each message was taken."""
        text = self.file.read_text() if self.file.exists() else ""
        return Counter(UUID(line) for line in text.split())


class Sink(LoopbackServer):
    """The server; `whims` may be changed at any time."""

    block_on_close = False
    request_queue_size = 128

    def __init__(self, record: Record, whims: Whims | None = None, port: int = 0) -> None:
        self.record = record
        self.whims = whims or Whims()
        self.requests = 0
        super().__init__(_Handler, port)


def serve(record: Record, whims: Whims, port: int) -> None:
    """Serve until the process ends: the whole of a sink's process."""
    Sink(record, whims, port).serve_forever(poll_interval=60)


def wait_for(port: int, patience: float = 60.0) -> None:
    """Wait until somebody listens on `port`."""
    deadline = time.monotonic() + patience
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)


class _Handler(Handler):
    server: Sink

    def do_POST(self) -> None:
        self.server.requests += 1
        fault = self.server.whims.draw()
        if fault is Fault.RESET_BEFORE_READING:
            return self.reset()
        request = json.loads(self.read_body())
        if self.path != "/v3/mail/send" or not self.headers.get("Authorization", "").startswith("Bearer "):
            return self._say(404)
        recipients = request["personalizations"]
        guilty = [number for number, each in enumerate(recipients) if each["to"][0]["email"].startswith(GUILTY)]
        if guilty and fault not in REFUSALS:
            return self._say(400, errors=[f"personalizations.{number}.to.0.email" for number in guilty])
        whims = self.server.whims
        if fault in (Fault.NONE, Fault.DRIP) or (fault.may_have_taken and whims.random.random() < whims.takes):
            self.server.record.take([each["custom_args"]["ekiden_message_id"] for each in recipients])
        return self._meet(fault)

    def _meet(self, fault: Fault) -> None:
        match fault:
            case Fault.RESET_AFTER_READING:
                self.reset()
            case Fault.HANG_UP:
                self.close_connection = True
            case Fault.RESET_MID_ANSWER:
                self.wfile.write(b"HTTP/1.1 202 Accepted\r\nX-Message-Id: pro")
                self.reset()
            case Fault.STALL:
                time.sleep(STALL)
                self.close_connection = True
            case Fault.DRIP:
                self._drip(b"HTTP/1.1 202 Accepted\r\nX-Message-Id: slow\r\nContent-Length: 0\r\n\r\n")
            case Fault.DRIP_AND_HANG_UP:
                self._drip(b"HTTP/1.1 202 Accepted\r\nContent-Length: 50\r\n\r\n{")
                self.close_connection = True
            case Fault.GARBAGE:
                self.wfile.write(b"\x16\x03\x01\x00SSH-2.0-mail\r\n\r\n")
                self.close_connection = True
            case _:
                self._say(STATUSES[fault])

    def _say(self, status: int, *, errors: Sequence[str | None] = (None,)) -> None:
        body = b""
        if status >= 400:
            said: list[dict[str, Any]] = [{"message": "no", "field": name, "help": None} for name in errors]
            body = json.dumps({"errors": said}).encode()
        headers = {
            202: {"X_Message_Id": f"sink-{self.server.requests}"},
            302: {"Location": "/elsewhere"},
            429: {"X_RateLimit_Reset": str(self.server.whims.reset_at)},
        }
        self.answer(status, body, **headers.get(status, {}))

    def _drip(self, answer: bytes) -> None:
        for start in range(0, len(answer), 3):
            self.wfile.write(answer[start : start + 3])
            time.sleep(0.002)

"""A provider on the loopback address that answers, or fails, as told, and remembers what it was asked."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from ekiden.content.message import RenderedMessage
from ekiden.delivery.channels.base import Delivery, FromAddress, Outcome, OutgoingMessage
from tests.loopback import Handler, LoopbackServer, serving

Answer = Callable[[Handler], None]
PATIENCE = 20.0
"""Seconds in which a provider answers, also on a busy machine."""


class Request:
    """One request as it arrived."""

    def __init__(self, handler: Handler, body: bytes) -> None:
        self.method = handler.command
        self.path = handler.path
        self.headers = handler.headers
        self.connection = handler.client_address
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {name: value for name, (value,) in parse_qs(self.body.decode(), strict_parsing=True).items()}


class Provider(LoopbackServer):
    """Answers one request after the other with `answers`, the last of them for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []
        self._counting = threading.Lock()
        super().__init__(_Handler)

    def note(self, request: Request) -> Answer:
        """Keep a request, and return what is answered to it."""
        with self._counting:
            self.requests.append(request)
            return self.answers[min(len(self.requests), len(self.answers)) - 1]


class _Handler(Handler):
    server: Provider

    def do_POST(self) -> None:
        self.server.note(Request(self, self.read_body()))(self)

    do_GET = do_POST


@contextmanager
def provider(*answers: Answer) -> Iterator[Provider]:
    with serving(Provider(*answers)) as server:
        yield server


def answer(status: int, content: object = None, **headers: str) -> Answer:
    """Answer with a status, headers as `Handler.answer` takes them, and a body: bytes, or what JSON is made of."""
    body = b"" if content is None else content if isinstance(content, bytes) else json.dumps(content).encode()
    return lambda handler: handler.answer(status, body, **headers)


def reset(handler: Handler) -> None:
    handler.reset()


def hang_up(handler: Handler) -> None:
    handler.close_connection = True


def silence(handler: Handler) -> None:
    time.sleep(0.5)
    handler.close_connection = True


def messages_to(*addresses: str, text: str = "本文\n", html: str | None = None) -> list[OutgoingMessage]:
    return [
        OutgoingMessage(
            message_id=UUID(int=number),
            to_address=address,
            to_name="山田 花子",
            from_address=FromAddress("shop@shop.invalid", "駅伝ショップ", "help@shop.invalid"),
            rendered=RenderedMessage("件名", text, html, "hash"),
            unsubscribe_url=f"https://shop.invalid/u/{number}",
            scenario_code="cross_sell",
            step_no=2,
        )
        for number, address in enumerate(addresses)
    ]


def outcomes(deliveries: list[Delivery]) -> list[Outcome]:
    return [delivery.outcome for delivery in deliveries]

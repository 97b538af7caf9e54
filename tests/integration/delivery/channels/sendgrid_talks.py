"""Conversations of a stand-in for SendGrid, and what its channel made of them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import SecretStr

from ekiden.delivery.channels.base import Delivery, Outcome, OutgoingMessage, ProviderBusy, ProviderStopped
from ekiden.delivery.channels.sendgrid.channel import SendGridChannel
from tests.integration.delivery.channels.raw_server import Conversation, RawServer, Talk

NOW = datetime(2024, 2, 29, 3, 0, 0, tzinfo=UTC)
LETTERS = {Outcome.accepted: "a", Outcome.refused: "r", Outcome.not_sent: "n", Outcome.unknown: "u"}
# seconds of patience: for what never comes; for what does come from a busy machine; and for both, one after the other
SHORT, LONG, EITHER = 0.3, 20.0, 1.5


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


def errors(*fields: str | None) -> bytes:
    return json.dumps({"errors": [{"message": "wrong", "field": field, "help": None} for field in fields]}).encode()


def channel_to(url: str, **options: object) -> SendGridChannel:
    settings = {"clock": lambda: NOW, "connections": 1, "connect_seconds": LONG, "read_seconds": LONG} | options
    return SendGridChannel(SecretStr("SG.key"), host=url, **settings)


def delivered(channel: SendGridChannel, messages: list[OutgoingMessage]) -> tuple[list[Delivery], type | None]:
    try:
        return channel.deliver(messages), None
    except (ProviderStopped, ProviderBusy) as error:
        return error.deliveries, type(error)


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

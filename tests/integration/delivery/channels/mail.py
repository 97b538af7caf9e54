"""Made-up mail for the channels' tests, and what a body for SendGrid must be like."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from jsonschema import Draft202012Validator

from ekiden.content.message import RenderedMessage
from ekiden.content.shared import SharedContent, filled
from ekiden.delivery.channels.base import FromAddress, OutgoingMessage

SHOP = FromAddress("shop@shop.invalid", "駅伝ショップ", "help@shop.invalid")
GREETING = SharedContent(
    subject=(0, "様へのお知らせ"),
    text=(0, "様\n", "次は ", 1, " です。\n配信停止: ", 2, "\n"),
    html=("<p>", 0, '様</p><a href="', 1, '">次</a><a href="', 2, '">配信停止</a>'),
    holes=3,
)


def rendered(shared: SharedContent | None, values: Sequence[str]) -> RenderedMessage:
    if shared is None:
        return RenderedMessage("件名", "本文\n", "<p>本文</p>", "hash")
    html = None if shared.html is None else filled(shared.html, values)
    return RenderedMessage(
        filled(shared.subject, values), filled(shared.text, values), html, "hash", shared, tuple(values)
    )


def mail(
    number: int,
    *,
    name: str = "山田 花子",
    shared: SharedContent | None = GREETING,
    values: Sequence[str] | None = None,
    address: str | None = None,
    from_address: FromAddress = SHOP,
) -> OutgoingMessage:
    url = f"https://shop.invalid/u/{number}"
    own = (name, f"https://shop.invalid/next/{number}", url) if values is None else values
    return OutgoingMessage(
        message_id=UUID(int=number),
        to_address=address or f"customer-{number}@mail.invalid",
        to_name=name,
        from_address=from_address,
        rendered=rendered(shared, own),
        unsubscribe_url=url,
        scenario_code="cross_sell",
        step_no=2,
    )


def together(count: int) -> list[OutgoingMessage]:
    """Return messages of one content, which travel in one request."""
    return [mail(number) for number in range(count)]


def apart(count: int) -> list[OutgoingMessage]:
    """Return messages that have nothing to share, each in need of a request of its own."""
    return [mail(number, shared=None) for number in range(count)]


def to(message: OutgoingMessage, **changes: Any) -> OutgoingMessage:
    return message._replace(**changes)


@cache
def _schema() -> Draft202012Validator:
    schema = json.loads(Path(__file__).with_name("mail_send.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def faults_of_body(body: Any, looked_at: int = 3) -> list[str]:
    """Return what SendGrid's documents forbid and `body` does: all of it, and its first recipients by the schema.

    The schema takes a millisecond a recipient.
    """
    recipients = body["personalizations"]
    shown = body | {"personalizations": recipients[:looked_at]}
    faults = [f"{error.json_path}: {error.message[:200]}" for error in _schema().iter_errors(shown)]
    addresses = [one["to"][0]["email"].lower() for one in recipients]
    if len(recipients) > 1_000 or len(set(addresses)) != len(addresses):
        faults.append("too many recipients, or an address twice")
    if any(len(_compact(one.get("substitutions", {}))) > 10_000 for one in recipients):
        faults.append("substitutions of more than 10,000 bytes")
    if len(_compact(body)) >= 30_000_000:
        faults.append("more than 30 MB")
    return faults


def _compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def ids_of(body: Any) -> list[UUID]:
    return [UUID(one["custom_args"]["ekiden_message_id"]) for one in body["personalizations"]]


def received(body: Any, order: Iterable[int] | None = None) -> dict[UUID, tuple[str, str, str | None]]:
    """Return subject, text and HTML of each recipient, from a SendGrid that replaces tags in `order`."""
    parts = {part["type"]: part["value"] for part in body["content"]}
    messages = {}
    for one in body["personalizations"]:
        tags = list(one.get("substitutions", {}).items())
        texts = [body["subject"], parts["text/plain"], parts.get("text/html")]
        for number in order if order is not None else range(len(tags)):
            if number < len(tags):
                tag, value = tags[number]
                texts = [text and text.replace(tag, value) for text in texts]
        messages[UUID(one["custom_args"]["ekiden_message_id"])] = (texts[0], texts[1], texts[2])
    return messages

"""From messages to the bodies of SendGrid's `POST /v3/mail/send`: which go together, and what is written.

The module is pure but for the random letters of a tag. Does not belong here: connections, answers.

Messages of one content travel together: the content once, with a tag for every hole, and for every recipient what
stands for the tags (`substitutions`). SendGrid replaces one tag after the other in what it has so far, so a tag in
a customer's own words would be replaced as well. Therefore tags carry random letters made anew for each request, of
which it is checked that no recipient's message contains them.

The documents: https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send (fields and sizes),
https://www.twilio.com/docs/sendgrid/api-reference/mail-send/limitations (30 MB, 1,000 recipients, names),
https://www.twilio.com/docs/sendgrid/for-developers/sending-email/substitution-tags.
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ekiden.content.borders import joined
from ekiden.content.shared import SharedContent, filled
from ekiden.delivery.channels.addressing import addr_spec, display_name, list_headers
from ekiden.delivery.channels.base import FromAddress, OutgoingMessage
from ekiden.delivery.events.event_reading import MESSAGE_ARGUMENT

# The page of the request says 10,000 bytes a personalization, that of the tags 50,000: the lower by default.
SUBSTITUTION_BYTES = 10_000

# Sixteen capitals of which texts rarely begin or end, and sixteen of them: 64 bits, not to be met by chance or guessed
_LETTERS = "BCDFGHJKLMNPQRVX"
_NONCE_LETTERS = 16
# `"-BCDFGHJKLMNPQRVX-99-":,` for the name of each substitution, as it travels
_TAG_BYTES = 25
# Around a recipient's own words: names of fields and headers, our id twice, brackets: 450, and some room.
_ENVELOPE_BYTES = 600
_NO_NAME = str.maketrans(";,", "  ")  # both separate recipients, SendGrid refuses them in `to.name`


@dataclass(frozen=True)
class Limits:
    """How much one request may hold."""

    recipients: int = 1_000
    substitutions: int = 100
    """Items per recipient; some documents say 150."""
    substitution_bytes: int = SUBSTITUTION_BYTES
    """Per recipient, names and values as they travel in JSON."""
    request_bytes: int = 25_000_000
    """SendGrid takes less than 30 MB; the margin is for what it may add before it measures."""


class Unwritable(Exception):
    """A body cannot be made of these messages; nothing was sent. `reason` is fit for an operator."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def grouped_into_requests(
    messages: Sequence[OutgoingMessage], positions: Iterable[int], limits: Limits
) -> list[tuple[int, ...]]:
    """Return which of `messages`, by position, go together into a request; every one of `positions` once.

    Together go those of one From address and one content, no address twice: SendGrid refuses that, or delivers once.
    Requests come in the order of their first messages.
    """
    groups: dict[tuple[FromAddress, SharedContent], list[_Request]] = {}
    known: dict[tuple[int, int], list[_Request]] = {}
    requests: list[_Request] = []
    for position in positions:
        message = messages[position]
        shared = message.rendered.shared
        weight = _weight(message, limits)
        if shared is None or weight is None:
            requests.append(_Request([position]))
            continue
        # contents are long to hash and to compare, and messages of one claim mostly share one object
        identity = (id(message.from_address), id(shared))
        group = known.get(identity)
        if group is None:
            group = known[identity] = groups.setdefault((message.from_address, shared), [])
        address = message.to_address.lower()
        request = next((one for one in group if one.takes(address, weight, limits)), None)
        if request is None:
            request = _Request(weight=_shared_bytes(shared))
            group.append(request)
            requests.append(request)
        request.add(position, address, weight)
    return [tuple(request.positions) for request in requests]


class _Request:
    def __init__(self, positions: list[int] | None = None, weight: int = 0) -> None:
        self.positions = positions or []
        self.addresses: set[str] = set()
        self.weight = weight

    def takes(self, address: str, weight: int, limits: Limits) -> bool:
        return (
            len(self.positions) < limits.recipients
            and address not in self.addresses
            and self.weight + weight <= limits.request_bytes
        )

    def add(self, position: int, address: str, weight: int) -> None:
        self.positions.append(position)
        self.addresses.add(address)
        self.weight += weight


def _weight(message: OutgoingMessage, limits: Limits) -> int | None:
    """Return the most bytes a recipient may take in a shared request, None if that cannot hold them."""
    rendered = message.rendered
    shared, values = rendered.shared, rendered.values
    if shared is None or shared.holes != len(values) or len(values) > limits.substitutions:
        return None
    try:
        substitutions = len(orjson.dumps(values)) + _TAG_BYTES * len(values)
    except orjson.JSONEncodeError:
        return None
    if substitutions > limits.substitution_bytes:
        return None
    # a character is 6 bytes at most in JSON, as \\u0000, and 12 in a header, as %F0%9F%8E%8C
    words = 6 * len(message.to_name) + 12 * len(message.scenario_code)
    return substitutions + _ENVELOPE_BYTES + words + 2 * len(message.to_address + message.unsubscribe_url)


def _shared_bytes(shared: SharedContent) -> int:
    parts = (shared.subject, shared.text, shared.html or ())
    return _ENVELOPE_BYTES + sum(
        6 * len(piece) if isinstance(piece, str) else _TAG_BYTES for part in parts for piece in part
    )


def request_body(
    messages: Sequence[OutgoingMessage],
    limits: Limits,
    nonce: Callable[[], str] = lambda: "".join(secrets.choice(_LETTERS) for _ in range(_NONCE_LETTERS)),
) -> bytes:
    """Return the body for `messages`, which are grouped into one request; raise `Unwritable` if there is none."""
    try:
        body = orjson.dumps(_shared_request(messages, nonce) if len(messages) > 1 else _own_request(messages[0]))
    except orjson.JSONEncodeError:
        # its text holds a part of the message
        raise Unwritable("the message holds what is no Unicode text") from None
    if len(body) > limits.request_bytes:
        raise Unwritable(f"the message has {len(body):,} bytes, more than the {limits.request_bytes:,} of a request")
    return body


def _own_request(message: OutgoingMessage) -> dict[str, Any]:
    rendered = message.rendered
    return _request(message.from_address, [_personalization(message)], rendered.subject, rendered.text, rendered.html)


def _shared_request(messages: Sequence[OutgoingMessage], nonce: Callable[[], str]) -> dict[str, Any]:
    shared = messages[0].rendered.shared
    if shared is None:
        raise ValueError("messages without shared content each have a request of their own")
    tags = tags_of(_unused(messages, shared, nonce), shared.holes)
    recipients = [
        _personalization(message) | {"substitutions": dict(zip(tags, message.rendered.values, strict=True))}
        for message in messages
    ]
    subject, text = filled(shared.subject, tags), filled(shared.text, tags)
    html = None if shared.html is None else filled(shared.html, tags)
    return _request(messages[0].from_address, recipients, subject, text, html)


def tags_of(nonce: str, count: int) -> list[str]:
    """Return one tag per hole. It begins and ends with what `nonce` does not contain, so none is in another's way."""
    return [f"-{nonce}-{number}-" for number in range(count)]


def _unused(messages: Sequence[OutgoingMessage], shared: SharedContent, nonce: Callable[[], str]) -> str:
    """Return letters that stand in nothing any of `messages` is made of, nor arise where its parts meet.

    While tags are being replaced, letters outside of tags stand together as they do in the whole message or in a part
    of it: letters that the whole message does not contain appear at no time. They are looked for in what all messages
    share and in the surroundings of holes, which is ten times as fast as in all messages.
    """
    from_address = messages[0].from_address
    texts = [from_address.name, from_address.address, from_address.reply_to or ""]
    parts = (shared.subject, shared.text, shared.html or ())
    texts += [filled(part, ["\n"] * shared.holes) for part in parts]
    near_holes = joined([piece for part in parts for piece in (*map(_ends, part), "\n")])
    for one in messages:
        texts += (filled(near_holes, one.rendered.values), one.to_name, one.to_address, one.unsubscribe_url)
    everything = "\n".join(texts)
    while (letters := nonce()) in everything:
        pass
    return letters


def _ends(piece: str | int) -> str | int:
    """Return a text without its middle: letters that stand partly in the hole beside it do not reach that far."""
    if isinstance(piece, int) or len(piece) <= 2 * _NONCE_LETTERS:
        return piece
    return f"{piece[:_NONCE_LETTERS]}\n{piece[-_NONCE_LETTERS:]}"


def _personalization(message: OutgoingMessage) -> dict[str, Any]:
    return {
        "to": [_mailbox(message.to_address, message.to_name.translate(_NO_NAME))],
        # the only one of ours: it comes back with every event, and cannot be deleted at SendGrid
        "custom_args": {MESSAGE_ARGUMENT: str(message.message_id)},
        "headers": list_headers(message),
    }


def _request(
    from_address: FromAddress, recipients: list[dict[str, Any]], subject: str, text: str, html: str | None
) -> dict[str, Any]:
    """Return a request.

    Our own unsubscribe link stands in header and text, so the subscription tracking of the account is off: it
    would put its link into the header, and expand `<% %>` in the text, which may be a customer's name.
    """
    content = [{"type": "text/plain", "value": text}]
    if html is not None:
        content.append({"type": "text/html", "value": html})
    return {
        "personalizations": recipients,
        "from": _mailbox(from_address.address, from_address.name),
        "reply_to": _mailbox(from_address.reply_to or from_address.address, ""),
        "subject": subject,
        "content": content,
        "tracking_settings": {"subscription_tracking": {"enable": False}},
    }


def _mailbox(address: str, name: str) -> dict[str, str]:
    shown = display_name(name)
    email = addr_spec(address)
    return {"email": email, "name": shown} if shown else {"email": email}

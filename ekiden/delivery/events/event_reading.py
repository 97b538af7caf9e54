"""The events in a request of SendGrid's event webhook, as facts of ours. Pure; whatever the body holds, it answers.

Belongs here: what a field means, and by what a fact is known again. Does not belong here: what a fact leads to
(`drain`). The document: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from ekiden.delivery.address.addresses import compared
from ekiden.delivery.provider_json import read_json

MESSAGE_ARGUMENT = "ekiden_message_id"
"""The custom argument that carries our id, which a request sets (`channels.sendgrid.requests`); the provider puts it
among the event's own fields."""

ACCOUNT_CHANGED = "account_status_change"
BOUNCE, BLOCKED = "bounce", "blocked"

ABOUT: Mapping[str, tuple[str, ...]] = {
    "click": ("url",),
    "bounce": ("reason",),
    "dropped": ("reason",),
    "deferred": ("response", "reason"),
    ACCOUNT_CHANGED: ("type",),
    "group_unsubscribe": ("asm_group_id",),
    "group_resubscribe": ("asm_group_id",),
}
"""The field that says what an event of a kind is about: two of one message and second may differ in it alone."""

EARLIEST = datetime(2009, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""SendGrid was founded in 2009; what lies outside is no time of an event."""

_LONGEST_TEXT = 2000  # characters kept of a link or a reason; all of it counts for the key
_LONGEST_NAME = 320  # an address has at most 320, ids and kinds are shorter


class BodyUnreadable(ValueError):
    """A body holds no list of events."""


@dataclass(frozen=True)
class ProviderEvent:
    """One event as a request tells it."""

    event_key: str
    """SHA-256, in hexadecimal, of what the fact is known by: message, kind, time, and what it is about."""
    message_id: UUID | None
    """Ours, None where the event names none."""
    kind: str
    happened_at: datetime
    about: str | None
    address: str | None
    """In the form in which addresses are compared."""
    is_machine: bool
    group_id: str | None
    smtp_status: str | None
    provider_message_id: str | None
    provider_event_id: str | None


@dataclass(frozen=True)
class Reading:
    """What a body holds; `unreadable` elements of it are no events."""

    events: tuple[ProviderEvent, ...]
    unreadable: int


def elements(body: bytes) -> Sequence[Any]:
    """Return the elements of a body's list; raises `BodyUnreadable`."""
    try:
        # bytes that are no UTF-8 and bottomless nesting are refused here as well
        found = read_json(body)
    except orjson.JSONDecodeError as error:
        raise BodyUnreadable(f"it is no JSON: {error}") from error
    if not isinstance(found, list):
        raise BodyUnreadable("it is no list of events")
    return found


def read_events(body: bytes) -> Reading:
    """Return the events in a body; raises `BodyUnreadable` where there is no list of them."""
    found = elements(body)
    events = [read_event(element) for element in found]
    readable = tuple(event for event in events if event is not None)
    return Reading(readable, len(found) - len(readable))


def read_event(element: Any) -> ProviderEvent | None:
    """Return one element as an event, None if it is none: it has no kind or no time."""
    if not isinstance(element, dict):
        return None
    word = _text(element.get("event"), _LONGEST_NAME)
    happened_at = _instant(element.get("timestamp"))
    if word is None or happened_at is None:
        return None
    kind = _kind(word, element)
    about = next((said for name in ABOUT.get(word, ()) if (said := _text(element.get(name), None))), None)
    message_id = _uuid(element.get(MESSAGE_ARGUMENT))
    address = _text(element.get("email"), _LONGEST_NAME)
    address = compared(address) if address else None
    provider_message_id = _text(element.get("sg_message_id"), _LONGEST_NAME)
    whose = (
        ["ours", str(message_id)]
        if message_id
        else ["theirs", provider_message_id or _text(element.get("smtp-id"), _LONGEST_NAME) or "", address or ""]
    )
    known_by = [*whose, kind, str(int(happened_at.timestamp())), about or ""]
    return ProviderEvent(
        event_key=hashlib.sha256(orjson.dumps(known_by)).hexdigest(),
        message_id=message_id,
        kind=kind,
        happened_at=happened_at,
        about=about[:_LONGEST_TEXT] if about else None,
        address=address,
        is_machine=element.get("sg_machine_open") in (True, "true", "True", 1),
        group_id=_text(element.get("asm_group_id"), _LONGEST_NAME),
        smtp_status=_text(element.get("status"), _LONGEST_NAME),
        provider_message_id=provider_message_id,
        provider_event_id=_text(element.get("sg_event_id"), _LONGEST_NAME),
    )


def _kind(word: str, element: Mapping[str, Any]) -> str:
    # a bounce is for good only where it says so; a block is the receiving server's mood of the moment
    return BLOCKED if word == BOUNCE and element.get("type") != BOUNCE else word


def _text(value: Any, longest: int | None) -> str | None:
    """Return a text or a number as text without NUL, which PostgreSQL does not take; None if there is nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).replace("\x00", "").strip()
    return (text if longest is None else text[:longest]) or None


def _instant(value: Any) -> datetime | None:
    """Return an instant told in seconds since 1970, to the second, as a number or in digits; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(seconds) or not EARLIEST.timestamp() <= seconds < LATEST.timestamp():
        return None
    return datetime.fromtimestamp(int(seconds), UTC)


def _uuid(value: Any) -> UUID | None:
    if not isinstance(value, str):
        return None
    try:
        return UUID(value)
    except ValueError:
        return None

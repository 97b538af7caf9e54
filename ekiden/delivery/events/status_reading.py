"""Twilio's status callbacks: where they are asked for, and what one says of an SMS. Pure; whatever comes, it answers.

One callback is one fact: the message has come to this status. Twilio says no time, so it is when we were told first.
Belongs here: what a field means, and by what a fact is known again. Does not belong here: what a fact leads to
(`drain`). The document: https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
"""

import hashlib
from datetime import datetime
from urllib.parse import parse_qsl
from uuid import UUID

import orjson

from ekiden.delivery.events.event_reading import MESSAGE_ARGUMENT, BodyUnreadable, ProviderEvent, Reading

ANSWERED_STOP = "21610"
"""The error of an SMS to somebody who has answered STOP: Twilio delivers nothing to them until they answer START."""

CALL_BACK_AGAIN = "#rc=5&rp=all"
"""Five times more, whatever went wrong, all within its fifteen seconds; without this only after a failed connection:
https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides"""

_MOST_FIELDS = 200  # a callback has some twenty
_LONGEST_TEXT = 320  # characters; ids, statuses and error codes are shorter


def status_callback(status_url: str, message_id: UUID) -> str:
    """Return the address at which Twilio tells what became of a message; the id is in it, because a callback may
    come before our own record, or be all that we hear.
    """
    return f"{status_url.rstrip('/')}/{message_id}{CALL_BACK_AGAIN}"


def kept_body(message_id: UUID, body: bytes) -> bytes:
    """Return what is kept of a callback for a message: its own fields, behind the id that stands in its address."""
    return f"{MESSAGE_ARGUMENT}={message_id}&".encode() + body


def fields_of(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form, in order; raises `BodyUnreadable`."""
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise BodyUnreadable(f"it is no form: {error}") from error


def read_status(body: bytes, received_at: datetime) -> Reading:
    """Return the fact in a kept callback; one without a status is unreadable. Raises `BodyUnreadable`."""
    told: dict[str, str] = {}
    for name, value in fields_of(body):
        # ours stands first, whatever else calls itself so
        told.setdefault(name, value.replace("\x00", "").strip()[:_LONGEST_TEXT])
    status, sid = told.get("MessageStatus", ""), told.get("MessageSid", "")
    try:
        message_id = UUID(told.get(MESSAGE_ARGUMENT, ""))
    except ValueError:
        return Reading((), 1)
    if not status or not sid:
        return Reading((), 1)
    error = told.get("ErrorCode") or None
    known_by = ["twilio", str(message_id), sid, status, error or ""]
    event = ProviderEvent(
        event_key=hashlib.sha256(orjson.dumps(known_by)).hexdigest(),
        message_id=message_id,
        kind=status.lower(),
        happened_at=received_at,
        about=error,
        address=told.get("To") or None,
        is_machine=False,
        group_id=None,
        smtp_status=None,
        provider_message_id=sid,
        provider_event_id=None,
    )
    return Reading((event,), 0)

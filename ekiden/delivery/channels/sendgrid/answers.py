"""What SendGrid's answer to a request means for the messages in it.

The module is pure. Does not belong here: connections, and what is done about an answer.

https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/responses (statuses),
https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/rate-limits (headers),
https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors (what is wrong with a request).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from ekiden.content.variables import harmless
from ekiden.delivery.channels.http.posts import LONGEST_DETAIL, LONGEST_WAIT, SHORTEST_WAIT
from ekiden.delivery.provider_json import read_json

REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})
LINE_STOPPED = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_ACCEPTABLE,
        HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS,
    }
)

_LONGEST_ID = 200  # characters; SendGrid's have 22
# An address begins with a word: to look for one at every letter of a long word would take minutes.
_ADDRESS = re.compile(r"(?:\"[^\s\"]+\"|(?<![^\s\"'<>()\[\],:;])[^\s\"'<>()\[\],:;]+)@[^\s\"'<>()\[\],:;]+")
_PERSONALIZATION = re.compile(r"personalizations[.\[](\d{1,4})\b")
_SENDER_FIELDS = frozenset({"from", "reply_to"})


class Meaning(StrEnum):
    """What became of the request as a whole."""

    accepted = "accepted"
    refused = "refused"
    """Not accepted, and would not be as it is."""
    stopped = "stopped"
    """Not accepted, nor would anything else be."""
    busy = "busy"
    """Not accepted now."""
    unknown = "unknown"


@dataclass(frozen=True)
class UnderstoodAnswer:
    """An answer, understood."""

    meaning: Meaning
    detail: str
    """For an operator; holds no key and no address."""
    provider_message_id: str | None = None
    wait_until: datetime | None = None
    """SendGrid takes no further request before; also with an accepted one, the last of its interval."""
    named: frozenset[int] = frozenset()
    """Which personalizations of the request it is that are refused, where the answer says so."""


def understand(
    status: int, headers: Mapping[str, str], body: bytes, *, now: datetime, secrets: Iterable[str]
) -> UnderstoodAnswer:
    """Return what an answer that came whole means; `secrets` are taken out of what it says."""
    errors = _errors(body)
    detail = _detail(status, errors, secrets)
    if status == HTTPStatus.ACCEPTED:
        exhausted = headers.get("X-RateLimit-Remaining", "").strip() == "0"
        until = _reset(headers, now) if exhausted else None
        return UnderstoodAnswer(
            Meaning.accepted, detail, _message_id(headers), until if until and until > now else None
        )
    if status in REFUSED:
        fields = [field for field, _ in errors]
        if fields and all(field.split(".")[0] in _SENDER_FIELDS for field in fields):
            # no message is at fault, and every other would be refused as well
            return UnderstoodAnswer(Meaning.stopped, detail)
        named = frozenset(int(found[1]) for field in fields if (found := _PERSONALIZATION.match(field)))
        return UnderstoodAnswer(Meaning.refused, detail, named=named)
    if status in LINE_STOPPED:
        return UnderstoodAnswer(Meaning.stopped, detail)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return UnderstoodAnswer(Meaning.busy, detail, wait_until=max(_reset(headers, now) or now, now + SHORTEST_WAIT))
    return UnderstoodAnswer(Meaning.unknown, detail)


def _errors(body: bytes) -> list[tuple[str, str]]:
    """Return field ("" for none) and message of `{"errors": [{"message", "field"}]}`; none where it says nothing."""
    try:
        answer: Any = read_json(body)
        return [(str(error.get("field") or ""), str(error["message"])) for error in answer["errors"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # orjson reads lists within lists that are too many for str()
        return []


def _detail(status: int, errors: list[tuple[str, str]], secrets: Iterable[str]) -> str:
    said = "; ".join(f"{field or 'request'}: {message}" for field, message in errors)
    detail = harmless(f"SendGrid answered {status}" + (f": {said}" if said else ""))
    # an answer may repeat what it was sent
    for secret in secrets:
        detail = detail.replace(secret, "[hidden]")
    return _ADDRESS.sub("[address]", detail)[:LONGEST_DETAIL]


def _message_id(headers: Mapping[str, str]) -> str | None:
    return harmless(headers.get("X-Message-Id", ""))[:_LONGEST_ID] or None


def _reset(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """Return when the limit is reset (seconds since 1970); None for what makes no sense."""
    try:
        reset = datetime.fromtimestamp(int(headers.get("X-RateLimit-Reset", "")), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return min(max(reset, now), now + LONGEST_WAIT)

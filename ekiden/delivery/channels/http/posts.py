"""One POST and its answer, for providers that take one message a request.

Belongs here: what they have in common beside the connection (`transport`). Does not belong here: what an answer means.
"""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypedDict

import urllib3
from pydantic import SecretStr

from ekiden.clock import Clock, utc_now
from ekiden.delivery.channels.base import Delivery, OutgoingMessage
from ekiden.delivery.channels.batches import WAIT, Elapsed, one_by_one
from ekiden.delivery.channels.http.transport import CONNECT_SECONDS, READ_SECONDS, NotConnected, pool_for, read_whole

# A provider that names a day is asked again within the hour: by then somebody may have lifted the limit. Where limits
# are by the minute, as SendGrid's, so long a wait is a wrong clock, theirs or ours; one request an hour finds out.
LONGEST_WAIT = timedelta(hours=1)
# One that names a time that is over by our clock, which may be ahead, is not asked again at once: rows would be claimed
# and turned away over and over until the limit ends. A second is the shortest interval SendGrid limits by.
SHORTEST_WAIT = timedelta(seconds=1)
LONGEST_DETAIL = 500  # characters; enough for any sentence, and a ledger's column stays readable


def credential(secret: SecretStr, variable: str) -> SecretStr:
    """Return a key or token as a header may hold it, without spaces around it; ValueError names the `variable`.

    With any other, each post would fail before its first byte, and look like one that may have arrived.
    """
    written = secret.get_secret_value().strip()
    if not written.isascii() or not written.isprintable() or not written:
        raise ValueError(f"{variable} holds what no key does; copy it anew from the provider's settings")
    return SecretStr(written)


class NoAnswer(Exception):
    """The request may have arrived, and no answer to it can be read."""


@dataclass(frozen=True)
class Reply:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def fields(self) -> dict[str, Any]:
        """Return the body's JSON object, an empty one where it is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


class Times(TypedDict, total=False):
    """By which clocks a channel goes, and how long it waits; `elapsed` counts seconds, and is there for tests."""

    clock: Clock
    connect_seconds: float
    read_seconds: float
    elapsed: Elapsed


class PostingChannel(ABC):
    """A channel whose every message is a post of its own to the same address.

    `clock` gives the time that waits count from.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock = utc_now,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        elapsed: Elapsed = time.monotonic,
    ) -> None:
        self._url = url
        self._pool = pool_for(url, connect_seconds=connect_seconds, read_seconds=read_seconds)
        self._clock = clock
        self._elapsed = elapsed

    def deliver(self, messages: Sequence[OutgoingMessage]) -> list[Delivery]:
        """Return one delivery per message; raise `ProviderStopped` or `ProviderBusy` as docs/channels.md says."""
        return one_by_one(messages, self._deliver_one, clock=self._clock, elapsed=self._elapsed)

    @abstractmethod
    def _deliver_one(self, message: OutgoingMessage) -> Delivery:
        """Return what became of one message; raise `Stops` or `Waits` where those after it are left alone."""

    def _post(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        return post(self._pool, self._url, body, headers)


def post(pool: urllib3.PoolManager, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
    """Return the answer to one POST, never a second one and never elsewhere.

    Raises `NotConnected` if nothing was sent, `NoAnswer` if it may have been.
    """
    try:
        response = pool.request(
            "POST", url, body=body, headers=headers, preload_content=False, retries=False, redirect=False
        )
        return Reply(response.status, response.headers, read_whole(response))
    except NotConnected:
        raise
    except Exception as error:
        # whatever it was, the request may have arrived; the text of the error may hold the request
        raise NoAnswer(type(error).__name__) from None


def retry_after(reply: Reply, now: datetime, otherwise: timedelta = WAIT) -> timedelta:
    """Return how long an answer asks us to wait (Retry-After, RFC 9110): seconds or a date; nonsense counts as none."""
    asked = reply.headers.get("Retry-After", "").strip()
    try:
        wait = timedelta(seconds=int(asked)) if asked.isdecimal() else parsedate_to_datetime(asked) - now
    except (TypeError, ValueError, OverflowError):
        return otherwise
    return min(max(wait, SHORTEST_WAIT), LONGEST_WAIT)


def told(provider: str, reply: Reply, said: object, hidden: Sequence[str]) -> str:
    """Return an answer in words for an operator, without what is `hidden`: an answer may repeat what it was sent."""
    detail = f"{provider} answered {reply.status}" + (f": {said}" if said else "")
    for secret in hidden:
        detail = detail.replace(secret, "…") if secret else detail
    return detail[:LONGEST_DETAIL]

"""SendGrid's lists of whom it sends nothing to, page by page (`GET /v3/suppression/…`, `GET /v3/asm/suppressions`).

Belongs here: asking, and what an entry says. Does not belong here: what an entry leads to
(`ekiden.delivery.consent.suppressions`). The document: https://www.twilio.com/docs/sendgrid/api-reference/suppressions-suppressions
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from http.client import HTTPException
from time import sleep
from typing import Any

import orjson
from pydantic import SecretStr
from urllib3.exceptions import HTTPError

from ekiden.clock import Clock, utc_now
from ekiden.delivery.channels.http.posts import SHORTEST_WAIT, credential
from ekiden.delivery.channels.http.transport import NotConnected, pool_for
from ekiden.delivery.channels.sendgrid.client import Answer, PooledClient
from ekiden.delivery.provider_json import read_json
from ekiden.errors import SaysEnough

PAGE = 500
"""Entries a request: the most that the bounces' page allows; the others name no limit."""
READ_SECONDS = 120.0
"""For one answer: the groups' list comes in one piece."""
LONGEST_ANSWER = 64 * 1024 * 1024
"""Bytes: some 500,000 entries of all groups together; a page has a quarter of a megabyte."""

LONGEST_WAIT_FOR_A_PAGE = timedelta(minutes=2)
"""SendGrid's limits are of a minute; one that lasts longer is left to another run."""
MOST_WAITS = 6
"""For one page: where nothing says how long, or our clock is ahead of theirs, from a second on each twice the last, a
minute in all."""
WAITING_IN_ALL = timedelta(minutes=30)
"""Of one reading of all lists: a million entries in pages, a hundred pages a minute."""

_TURNED_AWAY = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class SuppressionList(StrEnum):
    """The lists that say for good that somebody is not to be written to; blocks are for the moment only."""

    BOUNCES = "bounces"
    SPAM_REPORTS = "spam_reports"
    INVALID_EMAILS = "invalid_emails"
    UNSUBSCRIBES = "unsubscribes"
    GROUPS = "groups"


class ListUnreadable(SaysEnough, RuntimeError):
    """A list could not be read to its end; what was read before stays."""


@dataclass(frozen=True)
class ListedAddress:
    """One entry: an address, since when (aware), and the unsubscribe group, where the list is of groups."""

    address: str
    since: datetime
    group_id: int | None = None


class SendGridSuppressions:
    """SendGrid's lists, read with this key, ValueError for what cannot be one; for one thread at a time."""

    name = "sendgrid"

    def __init__(
        self,
        api_key: SecretStr,
        *,
        host: str,
        page: int = PAGE,
        read_seconds: float = READ_SECONDS,
        clock: Clock = utc_now,
        pause: Callable[[float], None] = sleep,
    ) -> None:
        host = host.rstrip("/")
        self._page = page
        self._clock = clock
        self._pause = pause
        self._may_wait = WAITING_IN_ALL
        self._client = PooledClient(
            pool_for(host, read_seconds=read_seconds),
            credential(api_key, "EKIDEN_SENDGRID_API_KEY"),
            longest_answer=LONGEST_ANSWER,
            host=host,
            version=3,
            request_headers={"Accept": "application/json"},
        )

    def entries(
        self, which: SuppressionList, *, since: datetime | None, until: datetime
    ) -> Iterator[Sequence[ListedAddress]]:
        """Yield a list's entries from `since` to `until`, both included, page by page; raises `ListUnreadable`.

        Where SendGrid wants to be asked less often it waits, up to some minutes. The list of groups knows no times and
        comes whole.
        """
        if which is SuppressionList.GROUPS:
            yield _read(self._get(self._client.asm.suppressions, which, {}), which)
            return
        part = getattr(self._client.suppression, which.value)
        # a fixed end: what is added while we read moves nothing to another page
        times = {"end_time": int(until.timestamp())} | ({"start_time": int(since.timestamp())} if since else {})
        offset, last = 0, None
        while True:
            found = self._get(part, which, {**times, "limit": self._page, "offset": offset})
            if found and found == last:
                raise ListUnreadable(f"SendGrid gives the same page of {which.value} again and again")
            yield _read(found, which)
            if len(found) < self._page:
                return
            offset, last = offset + len(found), found

    def _get(self, part: Any, which: SuppressionList, parameters: Mapping[str, int]) -> list[Any]:
        answer = self._answer(part, which, parameters)
        waits = 0
        while answer.status_code == HTTPStatus.TOO_MANY_REQUESTS and waits < MOST_WAITS:
            reset = _reset(answer.headers)
            shortest = SHORTEST_WAIT * 2**waits
            wait = max(reset - self._clock(), shortest) if reset else shortest
            if wait > min(LONGEST_WAIT_FOR_A_PAGE, self._may_wait):
                break
            self._may_wait -= wait
            self._pause(wait.total_seconds())
            waits += 1
            answer = self._answer(part, which, parameters)
        if answer.status_code != HTTPStatus.OK:
            raise ListUnreadable(_complaint(which, answer.status_code, answer.headers))
        if len(answer.body) >= LONGEST_ANSWER:
            # what was not read may begin anywhere within an entry
            raise ListUnreadable(
                f"the list of {which.value} is longer than the {LONGEST_ANSWER // 2**20} MB that are read of it; "
                "add its members with `ekiden opt-out add --file`"
            )
        try:
            found = read_json(answer.body)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, list):
            raise ListUnreadable(f"SendGrid answered for {which.value} with something that is no list")
        return found

    def _answer(self, part: Any, which: SuppressionList, parameters: Mapping[str, int]) -> Answer:
        try:
            answer: Answer = part.get(query_params=parameters)
        except NotConnected as error:
            raise ListUnreadable(f"SendGrid cannot be reached ({error}); try again later") from None
        except (HTTPError, HTTPException, OSError) as error:
            raise ListUnreadable(
                f"SendGrid did not answer for {which.value} to the end ({type(error).__name__}); try again later"
            ) from None
        return answer


def _complaint(which: SuppressionList, status: int, headers: Mapping[str, str]) -> str:
    if status in _TURNED_AWAY:
        return (
            f"SendGrid turns us away ({status}): the key in EKIDEN_SENDGRID_API_KEY needs the "
            "scopes suppression.read and asm.groups.read"
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        reset = _reset(headers)
        when = f" from {reset:%H:%M:%S} UTC on" if reset else " later"
        return f"SendGrid wants us to ask less often for {which.value} (429); try again{when}"
    return f"SendGrid answered {status} for {which.value}; try again later"


def _reset(headers: Mapping[str, str]) -> datetime | None:
    """Return when SendGrid takes requests again; None where it does not say."""
    return _instant(headers.get("X-RateLimit-Reset"))


def _read(found: Sequence[Any], which: SuppressionList) -> list[ListedAddress]:
    entries = []
    for each in found:
        address, since = (each.get("email"), _created(each)) if isinstance(each, dict) else (None, None)
        if not isinstance(address, str) or since is None:
            raise ListUnreadable(f"an entry of {which.value} has no address or no time, which SendGrid's always have")
        # PostgreSQL takes no NUL, and no mail goes to such an address
        if "@" in address and "\x00" not in address:
            group = each.get("group_id")
            entries.append(ListedAddress(address, since, group if isinstance(group, int) else None))
    return entries


def _created(entry: Mapping[str, Any]) -> datetime | None:
    return _instant(entry.get("created", entry.get("created_at")))


def _instant(seconds: object) -> datetime | None:
    """Return the moment so many seconds after 1970; None for what makes no sense."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC) if isinstance(seconds, int | str) else None
    except (ValueError, OverflowError, OSError):
        return None

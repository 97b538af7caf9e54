"""The suppression list: looking at it, and adding what a provider's own lists say (R-110d).

Nothing here removes an entry or an opt-out: that a provider has forgotten somebody is no consent. Belongs here: from a
provider's entries to ours. Does not belong here: how a provider is asked (`channels.sendgrid.suppressions`), and
reading the list before a message goes (`objections`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.again import again
from ekiden.database.statements import statement
from ekiden.delivery.address.addresses import compared, spellings, telephone_digits
from ekiden.delivery.channels.sendgrid.suppressions import (
    ListedAddress,
    ListUnreadable,
    SendGridSuppressions,
    SuppressionList,
)
from ekiden.delivery.consent.opt_outs import NewOptOut, OptOutChannel, opt_out
from ekiden.errors import SaysEnough
from ekiden.settings import Settings

OVERLAP = timedelta(days=2)
"""How far before the last reading's end the next begins: a provider may list what it has known for a while."""

REASONS: dict[SuppressionList, str] = {
    SuppressionList.BOUNCES: "bounced",
    SuppressionList.SPAM_REPORTS: "complained",
    SuppressionList.INVALID_EMAILS: "invalid_address",
    SuppressionList.UNSUBSCRIBES: "unsubscribed",
}
"""What stands in our list for an entry of theirs; who left a group has opted out instead."""


class NoSuppressionList(SaysEnough, ValueError):
    """This deployment has no provider whose lists could be read, or no key that could be one of it."""


class Lists(Protocol):
    """A provider's lists."""

    @property
    def name(self) -> str:
        """The provider's name, which stands in our entries as their source."""
        ...

    def entries(
        self, which: SuppressionList, *, since: datetime | None, until: datetime
    ) -> Iterator[Sequence[ListedAddress]]:
        """Yield a list's entries page by page."""
        ...


@dataclass(frozen=True)
class ListSync:
    """What reading one list did; `since` None: it was read from its beginning."""

    list_name: str
    since: datetime | None
    entries: int
    added: int


@dataclass(frozen=True)
class Suppression:
    """One entry of the suppression list: of a customer, or of an address."""

    suppression_id: int
    customer_id: str | None
    address: str | None
    reason: str
    source: str
    suppressed_at: datetime


def lists_for(settings: Settings) -> Lists:
    """Return the lists of this deployment's provider; raises `NoSuppressionList`."""
    if settings.sendgrid_api_key is None:
        raise NoSuppressionList("there is no provider whose lists could be read: set EKIDEN_SENDGRID_API_KEY")
    # with the package's host where none is set; importing it takes a while
    from ekiden.delivery.channels.sendgrid.channel import SENDGRID_HOST  # noqa: PLC0415

    try:
        return SendGridSuppressions(settings.sendgrid_api_key, host=str(settings.sendgrid_host or SENDGRID_HOST))
    except ValueError as error:
        raise NoSuppressionList(str(error)) from None


def sync(
    connection: Connection[Any], lists: Lists, *, settings: Settings, now: datetime, full: bool = False
) -> Iterator[ListSync]:
    """Add what the provider's lists say to ours, each from a little before where the last reading ended; yield each.

    `full`: each from its beginning. The connection is in autocommit mode: each page is kept as it comes, so a list that
    cannot be read to its end leaves what was read, and begins where it did now the next time. Raises `ListUnreadable`
    for such lists, once all others are read.
    """
    faults = []
    for which in SuppressionList:
        # each for itself: one that cannot be read must not keep the others' objections waiting
        try:
            yield _sync_list(connection, lists, which, settings, now, full)
        except ListUnreadable as fault:
            faults.append(str(fault))
    if faults:
        # a key that is turned away is the same for all of them
        raise ListUnreadable(". ".join(dict.fromkeys(faults)))


def _sync_list(
    connection: Connection[Any], lists: Lists, which: SuppressionList, settings: Settings, now: datetime, full: bool
) -> ListSync:
    list_name = f"{lists.name} {which.value}"
    read_until = connection.execute(statement(__file__, "read_until"), {"list_name": list_name}).fetchone()
    # a clock that was ahead then must not make us begin too late now
    since = None if full or read_until is None else min(read_until[0], now) - OVERLAP
    entries = added = 0
    for page in lists.entries(which, since=since, until=now):
        added += again(connection, partial(_keep, connection, page, which, lists.name, settings, now))
        entries += len(page)
    values = {"list_name": list_name, "now": now, "entries": entries, "added": added}
    connection.execute(statement(__file__, "note_sync"), values)
    return ListSync(list_name, since, entries, added)


def _keep(
    connection: Connection[Any],
    page: Sequence[ListedAddress],
    which: SuppressionList,
    source: str,
    settings: Settings,
    now: datetime,
) -> int:
    with connection.transaction():
        if which is SuppressionList.GROUPS:
            return _opt_out(connection, page, source, settings, now)
        return _suppress(connection, [(compared(each.address), each.since) for each in page], REASONS[which], source)


def _opt_out(
    connection: Connection[Any], page: Sequence[ListedAddress], source: str, settings: Settings, now: datetime
) -> int:
    left = (
        NewOptOut(
            address=each.address,
            channel=OptOutChannel.MAIL,
            # a group that nobody has named a site for: of which part we do not know, so of all mail
            site=settings.sendgrid_groups.get(each.group_id or 0),
            opted_out_at=each.since,
            reason=f"is in the unsubscribe group {each.group_id or '(not named)'}",
        )
        for each in page
    )
    return opt_out(connection, left, source=source, now=now, recorded_by=None)


def _suppress(connection: Connection[Any], listed: Sequence[tuple[str, datetime]], reason: str, source: str) -> int:
    return connection.execute(
        statement(__file__, "suppress_listed"),
        {
            "addresses": [address for address, _ in listed],
            "times": [since for _, since in listed],
            "reason": reason,
            "source": source,
        },
    ).rowcount


def find_suppressions(
    connection: Connection[Any], *, customer_id: str | None = None, address: str | None = None, limit: int
) -> list[Suppression]:
    """Return the entries of a customer or of an address, or all of them; the latest first (R-110d).

    Of an address those in any spelling by which they keep mail back, and of a telephone number in any at all.
    """
    values = {
        "customer_id": customer_id,
        "addresses": sorted(spellings(address)) if address else None,
        "digits": telephone_digits(address) if address else None,
        "limit": limit,
    }
    with connection.cursor(row_factory=class_row(Suppression)) as cursor:
        return cursor.execute(statement(__file__, "suppressions"), values).fetchall()

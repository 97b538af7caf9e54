"""What stands against writing to a customer: the suppression list and opt-outs, read for many rows in one statement.

Belongs here: reading what is there at this moment, for messages and lists alike. Does not belong here: what follows
from it (`address.recipients`), and how an opt-out comes about (`opt_outs`).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from ekiden.database.arrays import as_array
from ekiden.database.statements import statement
from ekiden.delivery.address.addresses import compared, spellings
from ekiden.delivery.consent.opt_outs import channel_of

# nearly every address: no quotes, no dots together or at an end, no international domain
_ONE_SPELLING = re.compile(r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:(?!xn--)[a-z0-9-]+\.)+(?!xn--)[a-z]+")


class Asked(NamedTuple):
    """A row whose customer may be written to; `channel` is its step's, `addresses` are as the shop has them.

    `site` is that of its message, where there is no row yet that says it.
    """

    schedule_row_id: int
    customer_id: str
    channel: str
    addresses: tuple[str, ...] = ()
    site: str | None = None


@dataclass(frozen=True)
class _Entry:
    """An entry of the suppression list or an opt-out, of a customer or of an address in lower case."""

    kind: Literal["suppressions", "opt_outs"]
    entry_id: int
    customer_id: str | None
    address: str | None
    reason: str | None
    channel: str | None
    site: str | None
    since: datetime

    def evidence(self, *, applies: bool) -> dict[str, object]:
        """Return what is kept of it with a message."""
        told = {"reason": self.reason, "channel": self.channel, "site": self.site, "since": self.since.isoformat()}
        known: dict[str, object] = {"id": self.entry_id, **{key: value for key, value in told.items() if value}}
        return known if applies else {**known, "applies": False}


@dataclass(frozen=True)
class Objections:
    """What stands against writing to one customer by one row."""

    is_suppressed: bool = False
    is_opted_out: bool = False
    suppressed_addresses: Set[str] = frozenset()
    opted_out_addresses: Set[str] = frozenset()
    """Both in the form that `address.addresses.compared` gives."""
    evidence: Mapping[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)
    """What was found, opt-outs of other channels and sites included; empty: nothing was."""

    def by_whatever_address(self) -> "Objections":
        """Return the same, with what stands against an address standing against the customer."""
        return replace(
            self,
            is_suppressed=self.is_suppressed or bool(self.suppressed_addresses),
            is_opted_out=self.is_opted_out or bool(self.opted_out_addresses),
        )


NO_OBJECTIONS = Objections()

_Found = tuple[_Entry, str | None]
"""An entry, and the address as it was asked for where it is of one."""


def read_objections(connection: Connection[Any], asked: Iterable[Asked]) -> dict[int, Objections]:
    """Return what stands against the rows, by `schedule_row_id`; rows against which nothing stands are left out.

    One statement over customers and addresses, for any number of rows; what it finds is little, and is matched here.
    """
    rows = list(asked)
    spelled = {row.schedule_row_id: [(each, _spellings(each)) for each in row.addresses] for row in rows}
    values = {
        "customers": as_array(row.customer_id for row in rows),
        "addresses": as_array(form for of_row in spelled.values() for _, forms in of_row for form in forms),
    }
    with connection.cursor(row_factory=class_row(_Entry)) as cursor:
        entries = cursor.execute(statement(__file__, "objections"), values).fetchall()
    if not entries:
        return {}
    by_customer, by_address = defaultdict(list), defaultdict(list)
    for entry in entries:
        if entry.customer_id is None:
            by_address[entry.address].append(entry)
        else:
            by_customer[entry.customer_id].append(entry)
    found: dict[int, list[_Found]] = {}
    for row in rows:
        of_row: list[_Found] = [(entry, None) for entry in by_customer.get(row.customer_id, ())]
        for address, forms in spelled[row.schedule_row_id]:
            of_row += [(entry, address) for form in forms for entry in by_address.get(form, ())]
        if of_row:
            found[row.schedule_row_id] = of_row
    sites = sites_of(connection, [row for row, of_row in found.items() if any(entry.site for entry, _ in of_row)])
    asked_of = {row.schedule_row_id: row for row in rows}
    return {
        row: _united(of_row, channel_of(asked_of[row].channel), sites.get(row, asked_of[row].site))
        for row, of_row in found.items()
    }


def sites_of(connection: Connection[Any], rows: Sequence[int]) -> dict[int, str | None]:
    """Return the site that the message of each row is of, None for one of no site."""
    if not rows:
        return {}
    return dict(connection.execute(statement(__file__, "message_sites"), {"rows": list(rows)}).fetchall())


def keep_evidence(connection: Connection[Any], objections: Mapping[int, Objections]) -> None:
    """Keep with the latest attempts of these rows what was found when they were looked at; nothing is not kept."""
    found = {row: Jsonb(each.evidence) for row, each in objections.items() if each.evidence}
    if found:
        values = {"rows": list(found), "evidence": list(found.values())}
        connection.execute(statement(__file__, "keep_consent_evidence"), values)


def _united(found: Sequence[_Found], channel: str, site: str | None) -> Objections:
    """Return what stands against one row, whose message is of this channel and site."""
    evidence: dict[str, list[dict[str, object]]] = {}
    standing = set()
    for entry, address in found:
        applies = entry.channel in (None, channel) and entry.site in (None, site)
        told = entry.evidence(applies=applies)
        # by the customer and by the address it is the same one
        if told not in evidence.setdefault(entry.kind, []):
            evidence[entry.kind].append(told)
        if applies:
            standing.add((entry.kind, address))
    return Objections(
        is_suppressed=("suppressions", None) in standing,
        is_opted_out=("opt_outs", None) in standing,
        suppressed_addresses={compared(each) for kind, each in standing if each and kind == "suppressions"},
        opted_out_addresses={compared(each) for kind, each in standing if each and kind == "opt_outs"},
        evidence=evidence,
    )


def _spellings(address: str) -> Sequence[str]:
    lower = address.lower()
    # this runs for each message
    return (lower,) if _ONE_SPELLING.fullmatch(lower) else tuple(spellings(address))

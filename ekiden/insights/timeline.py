"""One person's timeline: what happened in the shop, what was planned, decided, held and sent, in order of time.

Belongs here: reading it. Does not belong here: sentences about it (`timeline_wording`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection, sql
from psycopg.rows import dict_row

from ekiden.database.statements import statement
from ekiden.delivery.address.addresses import masked, spellings, without_people
from ekiden.insights.customers import UnknownCustomer, duplicate_status_of
from ekiden.insights.timeline_wording import by_whom, what, why
from ekiden.scenarios.registry import is_built
from ekiden.schedule.errors import NothingBuilt
from ekiden.schedule.scenario_codes import refuse_unknown

SHOWN_ENTRIES = 100
"""Entries shown unless asked otherwise: some screens, and a usual customer's years."""

EVERYTHING = {"begins": None, "ends": None, "scenario_code": None}
"""What asks for every entry that there is."""

IN_OTHERS_WORDS = ("reason", "said", "provider_said")
"""Details that a provider, a receiving server or a person wrote, who may have named an address."""


@dataclass(frozen=True)
class TimelineFilter:
    """Which part of a timeline: local days, both included, and of the scenarios' entries only one scenario's."""

    first_day: date | None = None
    last_day: date | None = None
    scenario: str | None = None


@dataclass(frozen=True)
class TimelineEntry:
    """One thing that happened: when (aware), where it belongs, what it was, why, and by whom.

    `details` holds what the sentences are made of, for programs.
    """

    at: datetime
    kind: str
    scenario_code: str | None
    step_no: int | None
    what: str
    why: str | None
    by: str | None
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Timeline:
    """A customer's entries, as many as were asked for of `total`.

    Who is not `in_shop` any more has those that the ledger keeps, and what the shop still has of them.
    """

    customer_id: str
    total: int
    entries: tuple[TimelineEntry, ...]
    in_shop: bool = True


def timeline(
    connection: Connection[Any],
    customer_id: str,
    *,
    zone: ZoneInfo,
    chosen: TimelineFilter | None = None,
    limit: int | None = SHOWN_ENTRIES,
    oldest_first: bool = False,
    unmask: bool = False,
) -> Timeline:
    """Return a customer's timeline, the newest entries first unless asked otherwise; `limit` None returns all.

    Addresses are masked unless asked for. Raises `NothingBuilt`, `UnknownCustomer` and `UnknownScenario`.
    """
    chosen = chosen or TimelineFilter()
    if not is_built(connection):
        raise NothingBuilt("no shop has been built yet: run `ekiden build`")
    parameters: dict[str, Any] = {
        "customer_id": customer_id,
        "begins": _midnight(chosen.first_day, zone),
        "ends": _midnight(_day_after(chosen.last_day), zone),
        "scenario_code": chosen.scenario,
        "limit": limit,
    }
    query = timeline_query(oldest_first=oldest_first)
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        # one state of the facts and the ledger for all questions
        cursor.execute("set transaction isolation level repeatable read, read only")
        refuse_unknown(connection, chosen.scenario)
        parameters["addresses"] = _addresses(connection, customer_id)
        in_shop = duplicate_status_of(connection, customer_id) is not None
        if not in_shop and not cursor.execute(query, {**parameters, **EVERYTHING, "limit": 1}).fetchall():
            raise UnknownCustomer(customer_id)
        found = cursor.execute(query, parameters).fetchall()
    return Timeline(
        customer_id,
        total=found[0]["total"] if found else 0,
        entries=tuple(_entry(row, zone, unmask=unmask) for row in found),
        in_shop=in_shop,
    )


def timeline_query(*, oldest_first: bool) -> sql.Composed:
    """Return the question of one customer's entries, put together of its parts."""
    parts = {name: statement(__file__, f"timeline_{name}").format() for name in ("shop", "ledger", "told")}
    return statement(__file__, "timeline").format(direction=sql.SQL("asc" if oldest_first else "desc"), **parts)


def _addresses(connection: Connection[Any], customer_id: str) -> list[str]:
    """Return every form under which an entry may hold an address that is or was the customer's, of whatever channel."""
    rows = connection.execute(statement(__file__, "asked_addresses"), {"customer_id": customer_id}).fetchall()
    return sorted({spelling for row in rows for address in row if address for spelling in spellings(address)})


def _day_after(day: date | None) -> date | None:
    # the calendar has a last day, and whoever names it means no end
    return None if day is None or day == date.max else day + timedelta(days=1)


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    # where midnight is shown twice, the day begins with the first
    return datetime.combine(day, time(), zone) if day else None


def _entry(row: Mapping[str, Any], zone: ZoneInfo, *, unmask: bool) -> TimelineEntry:
    details = {name: value for name, value in row["details"].items() if value is not None}
    if not unmask:
        if "to_address" in details:
            details["to_address"] = masked(details["to_address"])
        details |= {name: without_people(details[name]) for name in IN_OTHERS_WORDS if name in details}
    entry = TimelineEntry(row["at"], row["kind"], row["scenario_code"], row["step_no"], "", None, None, details)
    return replace(
        entry,
        what=what(entry.kind, entry.step_no, details, entry.at, zone),
        why=why(entry.kind, details, row["reason_in_words"]),
        by=by_whom(details),
    )

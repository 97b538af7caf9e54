"""What `ekiden audience | segment | why | diff | timeline` share: the instant asked about, and how answers stand."""

import csv
import json
import sys
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

from ekiden.clock import utc_now
from ekiden.insights.explanation_wording import key_in_words
from ekiden.insights.moments import Moment, moment
from ekiden.settings import Settings

FORECAST = "a forecast from the facts known now: what the calendar alone will bring"

ScenarioArgument = Annotated[str, typer.Argument(help="Scenario code.")]
OnOption = Annotated[
    str | None,
    typer.Option(
        "--on",
        help="A day (a past one: its end; a coming one: its start, a forecast) or an instant like 2026-12-01T09:00,"
        " the shop's time. Default: now.",
    ),
]


def asked_moment(text: str | None, settings: Settings) -> Moment:
    """Return the instant that --on means; wrong usage where it means none."""
    if text is not None and not text.strip():
        # a variable of a script that was never set; it is not asked about now
        raise typer.BadParameter("it is empty: give a day or an instant, or leave it out for now", param_hint="--on")
    try:
        return moment(text, now=utc_now(), zone=settings.zone)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--on") from error


def as_json(value: Any, zone: ZoneInfo) -> str:
    """Return a value as JSON for people and scripts: as `plain` has it."""
    return json.dumps(plain(value, zone), ensure_ascii=False, indent=2)


def plain(value: Any, zone: ZoneInfo) -> Any:
    """Return a value as JSON and CSV can hold it; instants in the shop's zone, durations in seconds."""
    match value:
        case dict():
            return {name: plain(item, zone) for name, item in value.items()}
        case list() | tuple():
            return [plain(item, zone) for item in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            # field by field: `asdict` copies everything it comes to, first
            return {field.name: plain(getattr(value, field.name), zone) for field in fields(value)}
        case _:
            return _plain_scalar(value, zone)


def _plain_scalar(value: Any, zone: ZoneInfo) -> Any:
    match value:
        case datetime():
            return value.astimezone(zone).isoformat()
        case timedelta():
            return value.total_seconds()
        # a decimal as text: a float may be another number
        case date() | Decimal() | Path() | UUID():
            return str(value)
        case _:
            return value


def stream_csv(row: type[Any], found: Iterable[Any], zone: ZoneInfo) -> None:
    """Write dataclass instances of the type `row` as they come; instants in the shop's zone."""
    names = [field.name for field in fields(row)]
    writer = csv.writer(sys.stdout)
    writer.writerow(names)
    writer.writerows([plain(getattr(each, name), zone) for name in names] for each in found)


def stream_json(counted: Any, found: Iterable[Any], zone: ZoneInfo) -> None:
    """Write the fields of `counted`, a dataclass instance, with what was `found` as its `members`, as they come."""
    # the object is closed by hand: a big audience never stands in memory
    sys.stdout.write(as_json(counted, zone)[:-2] + ',\n  "members": [')
    for number, member in enumerate(found):
        text = json.dumps(plain(member, zone), ensure_ascii=False)
        sys.stdout.write(f"{',' if number else ''}\n    {text}")
    sys.stdout.write("\n  ]\n}\n")


def with_readable_keys(rows: Iterable[Any], zone: ZoneInfo) -> list[Any]:
    """Return rows that have an `anchor_key` with it as people read it, for a table: JSON and CSV keep the key."""
    return [replace(row, anchor_key=key_in_words(row.anchor_kind, row.anchor_key, zone)) for row in rows]

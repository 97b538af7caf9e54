"""Answers as JSON and CSV, for scripts: instants in the shop's zone, durations in seconds, written as they come.

Does not belong here: what people read (`output`).
"""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo


def plain(value: Any, zone: ZoneInfo) -> Any:
    """Return a value as JSON can hold it."""
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


def as_json(value: Any, zone: ZoneInfo) -> str:
    """Return a value as JSON for people and scripts."""
    return json.dumps(plain(value, zone), ensure_ascii=False, indent=2)


def write_json(value: Any, zone: ZoneInfo) -> None:
    """Write one value."""
    sys.stdout.write(as_json(value, zone) + "\n")


def write_json_rows(rows: Iterable[Any], zone: ZoneInfo) -> int:
    """Write dataclass instances as a list, and return how many there were."""
    # no text has a line break of its own: JSON writes it as \n
    shown = _write_items(rows, lambda row: as_json(row, zone).replace("\n", "\n  "), opening="[", indent="  ")
    sys.stdout.write("\n]\n" if shown else "]\n")
    return shown


def write_json_members(counted: Any, found: Iterable[Any], zone: ZoneInfo) -> None:
    """Write the fields of `counted`, a dataclass instance, with what was `found` as its `members`, a line each."""
    # the object is closed by hand: a big audience never stands in memory
    opening = as_json(counted, zone)[:-2] + ',\n  "members": ['
    _write_items(found, lambda one: json.dumps(plain(one, zone), ensure_ascii=False), opening=opening, indent="    ")
    sys.stdout.write("\n  ]\n}\n")


def _write_items(items: Iterable[Any], text: Callable[[Any], str], *, opening: str, indent: str) -> int:
    number = 0
    for number, item in enumerate(items, start=1):
        # what comes before the first stands only once there is one: a question that fails leaves nothing half written
        sys.stdout.write(f"{opening if number == 1 else ','}\n{indent}{text(item)}")
    if not number:
        sys.stdout.write(opening)
    return number


def write_csv(rows: Iterable[Any], of: type[Any], zone: ZoneInfo) -> int:
    """Write instances `of` a dataclass below the names of its fields, and return how many there were."""
    names = [field.name for field in fields(of)]
    writer = csv.writer(sys.stdout)
    writer.writerow(names)
    number = 0
    for number, row in enumerate(rows, start=1):  # noqa: B007 - read after the loop
        writer.writerow(_cells(row, names, zone))
    return number


def _cells(row: Any, names: Sequence[str], zone: ZoneInfo) -> list[Any]:
    values = (plain(getattr(row, name), zone) for name in names)
    return [json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value for value in values]

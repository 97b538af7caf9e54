"""Opt-outs from a CSV file, as a shop's other systems keep them.

Belongs here: what such a file may say. Does not belong here: recording (`opt_outs`).
"""

import csv
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from ekiden.delivery.consent.opt_outs import NewOptOut, NobodyOptedOut, OptOutChannel
from ekiden.errors import SaysEnough
from ekiden.insights.moments import at_local
from ekiden.raw.checks import FIRST_YEAR, LAST_YEAR
from ekiden.raw.encodings import look_at

COLUMNS = ("customer_id", "address", "channel", "site", "opted_out_at", "reason")
"""A file has at least one of the first two; what is empty or missing says nothing: every channel, every site, now."""

PARTIES = {"customer_id", "address"}

LONGEST = 254
"""Characters of what somebody is found by: an address has no more, and three such fit into the index of all."""


class OptOutFileRefused(SaysEnough, ValueError):
    """A file of opt-outs has faults; nothing of it is recorded."""


def read_opt_outs(path: Path, *, zone: ZoneInfo, now: datetime) -> Iterator[NewOptOut]:
    """Yield the opt-outs of a CSV file in UTF-8 or CP932, line by line; raises `OptOutFileRefused` naming the line.

    Times without an offset are local to `zone`, and a date alone is the end of its day, or `now` before that.
    """
    encoding = look_at(path).encoding
    with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as stream:
        rows = csv.DictReader(stream, strict=True)
        try:
            _check(rows.fieldnames, path)
            for row in rows:
                yield _read(row, f"{path}, line {rows.line_num}", zone, now)
        except (csv.Error, UnicodeDecodeError) as error:
            raise OptOutFileRefused(f"{path}, line {rows.line_num}: {error}") from None


def _check(header: object, path: Path) -> None:
    columns = [*header] if isinstance(header, list) else []
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown or not PARTIES & set(columns) or len(set(columns)) < len(columns):
        named = ", ".join(map(str, columns)) or "none"
        raise OptOutFileRefused(
            f"{path}: the first line names the columns, customer_id or address or both, and of {', '.join(COLUMNS)} "
            f"what there is, each once; it names {named}"
        )


def _read(row: Mapping[str | None, object], place: str, zone: ZoneInfo, now: datetime) -> NewOptOut:
    if None in row or None in row.values():
        raise OptOutFileRefused(f"{place}: it has more or fewer fields than the first line")
    text = {str(name): str(value).strip() for name, value in row.items()}
    if any("\x00" in value for value in text.values()):
        raise OptOutFileRefused(f"{place}: it holds a NUL character")
    for name in ("customer_id", "address", "site"):
        if len(text.get(name, "")) > LONGEST:
            raise OptOutFileRefused(f"{place}: its {name} is longer than {LONGEST} characters")
    try:
        return NewOptOut(
            customer_id=text.get("customer_id") or None,
            address=text.get("address") or None,
            channel=_channel(text.get("channel", ""), place),
            site=text.get("site") or None,
            opted_out_at=_instant(text.get("opted_out_at", ""), place, zone, now),
            reason=text.get("reason") or None,
        )
    except NobodyOptedOut:
        raise OptOutFileRefused(f"{place}: it names neither a customer nor an address") from None


def _channel(text: str, place: str) -> OptOutChannel | None:
    try:
        return OptOutChannel(text) if text else None
    except ValueError:
        raise OptOutFileRefused(f"{place}: {text!r} is no channel; there are {', '.join(OptOutChannel)}") from None


def _instant(text: str, place: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    if not text:
        return None
    try:
        day = _day(text)
        moment = datetime.combine(day, time.max) if day else datetime.fromisoformat(text)
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise ValueError
    except ValueError:
        raise OptOutFileRefused(
            f"{place}: {text!r} is no time; write it like 2026-05-01 or 2026-05-01T09:30+09:00, or leave it empty"
        ) from None
    # as in a load
    moment = moment if moment.tzinfo else at_local(moment.date(), moment.time(), zone)
    # had it come before a withdrawal of the same day, nobody would know: then it had better count once too often
    return min(moment, now) if day else moment


def _day(text: str) -> date | None:
    """Return the date of a text that says no more, in any form of ISO 8601."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None

"""The instant that a question is about, from what a person writes. No question is asked here."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ekiden.shortening import shortened

LAST = timedelta(microseconds=1)
"""PostgreSQL's smallest step: this much before a day begins is the end of the day before."""

LONGEST_SAID = 60
"""Characters of a text that is told back; more would bury what is said of it."""

_WRITTEN = re.compile(r"\d{4}-\d{2}-\d{2}([T ].+)?", re.ASCII)
"""How a moment begins; ISO 8601 has weeks and days of the year as well, and a week would be read as its Monday."""


@dataclass(frozen=True)
class Moment:
    """An instant (aware, UTC), the shop's day it falls on, whether it is still to come, and whether it is now."""

    at: datetime
    day: date
    is_forecast: bool
    is_now: bool = False


def moment(text: str | None, *, now: datetime, zone: ZoneInfo) -> Moment:
    """Return the instant that `text` means; none: now.

    A date means the shop's day: of a past day its end, so that all of the day counts; today now; of a coming day its
    start, as nothing of it is known yet but what the calendar brings. Anything longer is an ISO 8601 instant, local
    to the shop where it has no offset, and then read as a load reads it. Raises `ValueError` for what is neither, and
    for what lies beyond the calendar.
    """
    if not text:
        return _of(now, now, zone)
    try:
        return _meant(text, now, zone)
    except OverflowError:
        raise ValueError(f"{text!r} is outside the years 1 to 9999") from None


def _meant(text: str, now: datetime, zone: ZoneInfo) -> Moment:
    try:
        instant = datetime.fromisoformat(text if _WRITTEN.fullmatch(text) else "")
    except ValueError:
        said = shortened(text, LONGEST_SAID)
        raise ValueError(f"{said!r} is no date like 2026-12-01 and no instant like 2026-12-01T09:00") from None
    if len(text) > len("2026-12-01"):
        return _of(instant if instant.tzinfo else at_local(instant.date(), instant.time(), zone), now, zone)
    today, day = now.astimezone(zone).date(), instant.date()
    if day == today:
        return _of(now, now, zone)
    return _of(at_local(day, time(), zone) if day > today else _end(day, zone), now, zone)


def at_local(day: date, time_of_day: time, zone: ZoneInfo) -> datetime:
    """Return the instant of a local time as PostgreSQL has it: shown twice, the second; skipped, as before the jump."""
    shown = datetime.combine(day, time_of_day, zone)
    # the smaller offset is the later instant; in UTC the calendar's first day may lie before it
    return min((shown, shown.replace(fold=1)), key=lambda each: each.utcoffset() or timedelta())


def _end(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant before the next day begins, the first time where its first hour is shown twice."""
    next_day = day + timedelta(days=1)
    ends = at_local(next_day, time(), zone).astimezone(UTC) - LAST
    if ends.astimezone(zone).date() > day:
        # set back after midnight; where clocks are set back across it, the hour before is the one that comes again
        ends = datetime.combine(next_day, time(), zone).astimezone(UTC) - LAST
    return ends


def _of(instant: datetime, now: datetime, zone: ZoneInfo) -> Moment:
    # in UTC: a local time that is shown twice is equal to no instant of another zone
    at = instant.astimezone(UTC)
    return Moment(at, at.astimezone(zone).date(), at > now, at == now)

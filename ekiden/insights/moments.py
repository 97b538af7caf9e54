"""The instant that a question is about, from what a person writes. No question is asked here."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LAST = timedelta(microseconds=1)
"""PostgreSQL's smallest step: this much before a day begins is the end of the day before."""


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
    to the shop where it has no offset. Raises `ValueError` for what is neither.
    """
    if not text:
        return _of(now, now, zone)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text!r} is no date like 2026-12-01 and no instant like 2026-12-01T09:00") from None
        return _of(instant if instant.tzinfo else instant.replace(tzinfo=zone), now, zone)
    today = now.astimezone(zone).date()
    if day == today:
        return _of(now, now, zone)
    starts = datetime.combine(day if day > today else day + timedelta(days=1), time(), zone).astimezone(UTC)
    return _of(starts if day > today else starts - LAST, now, zone)


def _of(instant: datetime, now: datetime, zone: ZoneInfo) -> Moment:
    return Moment(instant.astimezone(UTC), instant.astimezone(zone).date(), instant > now, instant == now)

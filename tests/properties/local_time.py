"""Dates of the shop: which one an instant falls on, when one begins, and what a definition means by one.

Belongs here: the calendar only.
"""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


class LocalTime:
    """The calendar of a time zone (R-079)."""

    def __init__(self, time_zone: str) -> None:
        self.zone = ZoneInfo(time_zone)

    def date_of(self, instant: datetime) -> date:
        """Return the local date of an instant."""
        return instant.astimezone(self.zone).date()

    def start_of(self, day: date) -> datetime:
        """Return the instant at which a local date begins, in UTC."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


def given_date(value: date | str) -> date:
    """Return the date that a definition gives, as YAML read it."""
    return value if isinstance(value, date) else date.fromisoformat(value)


def years_after(day: date, years: int) -> date:
    """Return the same day of another year: of 29 February, the 28th where there is none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)

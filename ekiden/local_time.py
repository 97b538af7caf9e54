"""Instants as the shop's people read them: in the shop's time zone.

Does not belong here: reading what a person writes (`ekiden.insights.moments`), and days, which `Settings` knows.
"""

from datetime import datetime
from zoneinfo import ZoneInfo


def to_the_minute(moment: datetime, zone: ZoneInfo) -> str:
    """Return an aware instant in the zone's time, like "2026-12-01 09:00"."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def to_the_second(moment: datetime, zone: ZoneInfo) -> str:
    """Return an aware instant in the zone's time, like "2026-12-01 09:00:05"."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"

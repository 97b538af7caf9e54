"""Instants as the shop's people read them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ekiden.local_time import to_the_minute, to_the_second

LATE = datetime(2026, 11, 30, 23, 59, 58, tzinfo=UTC)


def test_an_instant_is_told_in_the_shops_time():
    assert to_the_minute(LATE, ZoneInfo("Asia/Tokyo")) == "2026-12-01 08:59"
    assert to_the_second(LATE, ZoneInfo("America/New_York")) == "2026-11-30 18:59:58"

"""What a person means by --on."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from ekiden.insights.moments import moment

ZONE = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 3, 8, 0, 30, tzinfo=UTC)  # 09:30 in Tokyo


@pytest.mark.parametrize(
    ("text", "at", "day", "is_forecast"),
    [
        (None, "2026-03-08T09:30:00", "2026-03-08", False),
        ("", "2026-03-08T09:30:00", "2026-03-08", False),
        ("2026-03-08", "2026-03-08T09:30:00", "2026-03-08", False),
        ("2026-03-07", "2026-03-07T23:59:59.999999", "2026-03-07", False),
        ("2026-03-09", "2026-03-09T00:00:00", "2026-03-09", True),
        ("2026-03-09T12:00", "2026-03-09T12:00:00", "2026-03-09", True),
        ("2026-03-08T09:00", "2026-03-08T09:00:00", "2026-03-08", False),
        ("2026-03-07T20:00+00:00", "2026-03-08T05:00:00", "2026-03-08", False),
    ],
)
def test_a_day_means_its_end_now_or_its_start_and_an_instant_itself(text, at, day, is_forecast):
    found = moment(text, now=NOW, zone=ZONE)
    assert found.at == datetime.fromisoformat(at).replace(tzinfo=ZONE)
    assert (found.day, found.is_forecast) == (date.fromisoformat(day), is_forecast)


def test_a_day_of_23_hours_ends_with_its_last_instant():
    found = moment("2026-03-29", now=datetime(2026, 6, 1, tzinfo=UTC), zone=ZoneInfo("Europe/Berlin"))
    assert found.at == datetime(2026, 3, 29, 21, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "1 March", "2026-03-08 noon"])
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="2026-12-01"):
        moment(text, now=NOW, zone=ZONE)

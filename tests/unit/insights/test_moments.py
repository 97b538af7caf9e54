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


@pytest.mark.parametrize(
    ("zone", "day", "ends"),
    [
        # the hour after midnight comes again: it is the next day's, both times
        ("Atlantic/Azores", "2026-10-24", "2026-10-24T23:59:59.999999+00:00"),
        ("America/Havana", "2026-10-31", "2026-11-01T03:59:59.999999+00:00"),
        # the hour before midnight comes again: it is the day's own, both times
        ("America/Santiago", "2026-04-04", "2026-04-05T03:59:59.999999+00:00"),
        # and here it did a minute after midnight
        ("America/St_Johns", "2006-10-28", "2006-10-29T03:29:59.999999+00:00"),
        # midnight is skipped
        ("America/Santiago", "2025-09-06", "2025-09-07T03:59:59.999999+00:00"),
    ],
)
def test_a_past_day_ends_on_that_day_wherever_the_clocks_are_changed(zone, day, ends):
    found = moment(day, now=datetime(2026, 12, 1, tzinfo=UTC), zone=ZoneInfo(zone))
    assert (found.at, found.day) == (datetime.fromisoformat(ends), date.fromisoformat(day))


@pytest.mark.parametrize(
    ("zone", "day", "starts"),
    [
        # midnight is skipped, and the day begins as the clocks jump
        ("America/Santiago", "2025-09-07", "2025-09-07T04:00:00+00:00"),
        # midnight is shown twice, and the day begins with the second
        ("Atlantic/Azores", "2025-10-26", "2025-10-26T01:00:00+00:00"),
    ],
)
def test_a_day_begins_where_the_calendar_says_it_does(zone, day, starts):
    found = moment(day, now=datetime(2025, 1, 1, tzinfo=UTC), zone=ZoneInfo(zone))
    assert found.at == datetime.fromisoformat(starts)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        # shown twice: the second
        ("2026-11-01T01:30", "2026-11-01T06:30:00+00:00"),
        ("2026-11-01T01:30-04:00", "2026-11-01T05:30:00+00:00"),
        # skipped: with the offset before the jump
        ("2026-03-08 02:30", "2026-03-08T07:30:00+00:00"),
    ],
)
def test_a_local_time_is_read_as_a_load_reads_it(text, at):
    found = moment(text, now=datetime(2026, 12, 1, tzinfo=UTC), zone=ZoneInfo("America/New_York"))
    assert found.at == datetime.fromisoformat(at)


@pytest.mark.parametrize(
    "text",
    [
        *("yesterday", "2026-13-01", "1 March", "2026-03-08 noon", "2026-W10", "2026-W10-1", "2026-067", "20260308"),
        *("2026-12-31T23:59:60", "２０２６-０３-０８", "2026-03-08T", "0000-01-01", "x" * 100_000),
    ],
)
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="2026-12-01"):
        moment(text, now=NOW, zone=ZONE)


@pytest.mark.parametrize(
    ("text", "zone"),
    [("0001-01-01T00:00", "Asia/Tokyo"), ("9999-12-31T23:59", "America/New_York")],
)
def test_what_lies_beyond_the_calendar_is_refused_with_its_ends(text, zone):
    with pytest.raises(ValueError, match=f"'{text}' is outside the years 1 to 9999"):
        moment(text, now=NOW, zone=ZoneInfo(zone))

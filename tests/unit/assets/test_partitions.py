from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from assets.steps.partitions import due_dates, first_partition
from ekiden.settings import Settings

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.mark.parametrize("today", [date(2026, 1, 1), date(2026, 12, 31)])
def test_the_first_partition_stays_for_a_whole_year(today: date) -> None:
    assert first_partition(today) == date(2025, 1, 1)


def test_today_is_a_partition_while_it_lasts_and_tomorrow_is_none(tmp_path) -> None:
    # the first partition goes by the real clock; the year before it, should that end right now, has partitions as well
    year = datetime.now(TOKYO).year
    days = due_dates(Settings(home=tmp_path, time_zone="Asia/Tokyo"))
    just_after_midnight = datetime(year, 5, 6, 0, 0, 1, tzinfo=TOKYO)
    assert days.get_partition_keys(current_time=just_after_midnight)[-1] == f"{year}-05-06"


def test_partitions_are_local_days_where_clocks_change(tmp_path) -> None:
    days = due_dates(Settings(home=tmp_path, time_zone="America/New_York"))
    march = [key for key in days.get_partition_keys() if key[5:7] == "03"][:31]
    windows = [days.time_window_for_partition_key(key) for key in march]
    hours = sum(window.end.timestamp() - window.start.timestamp() for window in windows) / 3600
    assert hours == 31 * 24 - 1

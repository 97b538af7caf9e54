"""Which days count as missed, told from planning runs alone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from ekiden.schedule.planning.missed import (
    GRACE,
    NOT_PLANNED,
    MissedRange,
    PlanRun,
    last_expected_day,
    missed_days,
    span,
)

TOKYO = ZoneInfo("Asia/Tokyo")
BATCH = time(6, 0)


def day(number: int) -> date:
    return date(2026, 5, number)


def planned(
    first: int, last: int | None = None, *, on: int | None = None, zone: ZoneInfo = TOKYO, **changes
) -> PlanRun:
    """A run over days of May, started at the batch time of its last day, or of the day `on`."""
    started_at = datetime.combine(day(on or last or first), BATCH, zone)
    return PlanRun(day(first), day(last or first), started_at, **({"succeeded": True} | changes))


def missed(*runs: PlanRun, now: str = "2026-05-10 05:00", zone: ZoneInfo = TOKYO) -> list[tuple[int, int, str]]:
    at = datetime.fromisoformat(now).replace(tzinfo=zone)
    found = missed_days(runs, now=at, zone=zone, batch_time=BATCH)
    return [(each.first_day.day, each.last_day.day, each.why) for each in found]


def test_where_nothing_was_ever_planned_nothing_was_missed() -> None:
    assert missed() == []


def test_a_deployment_misses_nothing_of_the_time_before_its_first_plan() -> None:
    assert missed(planned(9)) == []


def test_a_week_off_is_one_range_up_to_yesterday() -> None:
    assert missed(planned(1), planned(2)) == [(3, 9, NOT_PLANNED)]


def test_days_that_were_planned_in_between_part_the_ranges() -> None:
    assert missed(planned(1), planned(4), planned(5)) == [(2, 3, NOT_PLANNED), (6, 9, NOT_PLANNED)]


def test_a_backfill_is_as_good_as_the_plans_of_its_mornings() -> None:
    assert missed(planned(1), planned(2, 9, on=10), now="2026-05-10 06:01") == []


def test_a_backfill_of_the_days_before_the_first_one_begins_the_deployment() -> None:
    assert missed(planned(1, 2, on=9), planned(9)) == [(3, 8, NOT_PLANNED)]


def test_a_backfill_of_some_scenarios_reaches_back_without_beginning_it() -> None:
    assert missed(planned(1, 7, on=9, scenarios=("welcome",)), planned(9)) == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"succeeded": False}, "its plan failed or was cut off"),
        ({"scenarios": ("a", "b")}, "planned only for a, b"),
        ({"left_out": ("welcome",)}, "planned without welcome, whose definition or table has faults"),
    ],
)
def test_a_plan_that_is_not_whole_leaves_its_day_missed_and_says_why(changes, why) -> None:
    assert missed(planned(7), planned(8), planned(9, **changes)) == [(9, 9, why)]


def test_a_whole_plan_counts_whatever_came_before_or_after_it() -> None:
    part = {"scenarios": ("welcome",)}
    runs = planned(9, **part), planned(9), planned(9, on=10, **part), planned(9, on=10, succeeded=False)
    assert missed(*runs, now="2026-05-10 06:01") == []


def test_days_in_a_row_with_different_reasons_are_told_apart() -> None:
    runs = planned(6), planned(7, succeeded=False)
    assert missed(*runs) == [(7, 7, "its plan failed or was cut off"), (8, 9, NOT_PLANNED)]


def test_a_first_plan_that_failed_is_noticed_as_well() -> None:
    assert missed(planned(9, succeeded=False)) == [(9, 9, "its plan failed or was cut off")]


def test_a_plan_of_days_to_come_covers_none_of_them() -> None:
    assert missed(planned(1, 9, on=7)) == [(8, 9, NOT_PLANNED)]
    assert missed(planned(7), planned(9, on=7), planned(8)) == [(9, 9, NOT_PLANNED)]


@pytest.mark.parametrize(("now", "is_missed"), [("06:59", False), ("07:00", True), ("23:59", True)])
def test_today_counts_an_hour_after_the_batch_time(now: str, is_missed: bool) -> None:
    assert missed(planned(9), now=f"2026-05-10 {now}") == ([(10, 10, NOT_PLANNED)] if is_missed else [])
    assert missed(planned(9), planned(10), now=f"2026-05-10 {now}") == []


def test_after_a_clock_was_set_back_no_day_to_come_counts() -> None:
    assert missed(planned(7), planned(8), planned(9), planned(20), now="2026-05-08 05:00") == []
    # what the clock said while it was ahead is not believed once those days come
    assert missed(planned(20), planned(8), now="2026-05-10 05:00") == [(9, 9, NOT_PLANNED)]


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Auckland", "UTC"]
)
@pytest.mark.parametrize("around", ["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01"])
def test_changing_the_clock_makes_no_day_missed_and_hides_none(zone: str, around: str) -> None:
    local, middle = ZoneInfo(zone), date.fromisoformat(around)
    days = [middle + timedelta(days=n) for n in range(-3, 4)]
    runs = [PlanRun(each, each, datetime.combine(each, time(2, 30), local).astimezone(UTC), True) for each in days]
    for hour in range(24):
        now = datetime.combine(days[-1], time(hour), local)
        assert missed_days(runs, now=now, zone=local, batch_time=time(2, 30)) == ()
        without = [run for run in runs if run.first_day != middle]
        (found,) = missed_days(without, now=now, zone=local, batch_time=time(2, 30))
        assert (found.first_day, found.last_day) == (middle, middle)


def test_the_grace_is_real_time_when_the_batch_time_does_not_exist() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    # on the night of 29 March 2026, 02:30 does not exist; it is 03:30 in summer time, 01:30 in UTC
    expected = datetime(2026, 3, 29, 1, 30, tzinfo=UTC) + GRACE
    assert last_expected_day(expected, berlin, time(2, 30)) == date(2026, 3, 29)
    assert last_expected_day(expected - timedelta(microseconds=1), berlin, time(2, 30)) == date(2026, 3, 28)


@pytest.mark.parametrize(
    ("now", "expected"),
    [("2026-11-23T23:59", 22), ("2026-11-24T00:00", 22), ("2026-11-24T00:29", 22), ("2026-11-24T00:30", 23)],
)
def test_the_grace_of_a_late_batch_time_goes_on_after_midnight(now: str, expected: int) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=TOKYO)
    assert last_expected_day(moment, TOKYO, time(23, 30)) == date(2026, 11, expected)


def test_one_run_spans_all_missed_days() -> None:
    found = missed_days([planned(1), planned(4)], now=datetime(2026, 5, 10, tzinfo=TOKYO), zone=TOKYO, batch_time=BATCH)
    assert span(found) == (day(2), day(9))
    assert span(()) is None


def test_a_range_reads_as_days_and_the_reason() -> None:
    assert str(MissedRange(day(3), day(9), NOT_PLANNED)) == "2026-05-03 to 2026-05-09: not planned"
    assert str(MissedRange(day(3), day(3), NOT_PLANNED)) == "2026-05-03: not planned"

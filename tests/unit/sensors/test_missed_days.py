from datetime import date

from ekiden.schedule.missed import NOT_PLANNED, MissedRange
from sensors.missed_days import decide

WEEK = MissedRange(date(2026, 5, 3), date(2026, 5, 9), NOT_PLANNED)
DAY = MissedRange(date(2026, 5, 11), date(2026, 5, 11), NOT_PLANNED)


def test_while_nothing_is_missed_nothing_is_asked_for_and_the_tick_says_so() -> None:
    decision = decide([], None)
    assert (decision.check, decision.says) == (False, "every day has been planned")


def test_missed_days_are_checked_once_and_every_tick_names_them() -> None:
    first = decide([WEEK], None)
    assert first.check
    again = decide([WEEK], first.finding)
    assert not again.check
    assert "2026-05-03 to 2026-05-09: not planned" in again.says
    assert "ekiden plan --missed" in again.says


def test_one_more_missed_day_is_another_finding() -> None:
    assert decide([WEEK, DAY], decide([WEEK], None).finding).check


def test_once_the_days_are_planned_the_check_says_so_and_the_same_days_may_be_missed_again() -> None:
    planned = decide([], decide([WEEK], None).finding)
    assert planned.check
    assert not decide([], planned.finding).check
    assert decide([WEEK], planned.finding).check

from datetime import date

from ekiden.schedule.planning.missed import NOT_PLANNED, MissedRange, in_words
from sensors.missed_days import Shown, decide

WEEK = MissedRange(date(2026, 5, 3), date(2026, 5, 9), NOT_PLANNED)
DAY = MissedRange(date(2026, 5, 11), date(2026, 5, 11), NOT_PLANNED)


def showing(*missed: MissedRange) -> Shown:
    return Shown(in_words(missed))


def test_while_nothing_is_missed_nothing_is_asked_for_and_the_tick_says_so() -> None:
    decision = decide([], None)
    assert (decision.check, decision.says) == (False, "every day has been planned")


def test_missed_days_are_checked_until_the_check_shows_them_and_every_tick_names_them() -> None:
    assert decide([WEEK], None).check
    again = decide([WEEK], showing(WEEK))
    assert not again.check
    assert "2026-05-03 to 2026-05-09: not planned" in again.says
    assert "ekiden plan --missed" in again.says


def test_one_more_missed_day_is_another_finding() -> None:
    assert decide([WEEK, DAY], showing(WEEK)).check


def test_once_the_days_are_planned_the_check_says_so_and_the_same_days_may_be_missed_again() -> None:
    assert decide([], showing(WEEK)).check
    assert not decide([], showing()).check
    assert decide([WEEK], showing()).check


def test_a_check_that_runs_is_waited_for_and_one_that_broke_off_is_asked_for_again() -> None:
    for missed in ([], [WEEK]):
        assert not decide(missed, Shown(None, is_under_way=True)).check
        assert decide(missed, Shown(None)).check

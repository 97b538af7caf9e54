"""The last look before the claim: the glossary's order of checks."""

from datetime import UTC, datetime, timedelta

import pytest

from ekiden.delivery.sending.last_look import DueRow, Verdict, is_stopped_without_anchor, judge

NOW = datetime(2024, 3, 9, 3, 0, tzinfo=UTC)
LIMIT = timedelta(hours=6)


def due(**changes) -> DueRow:
    values = {
        "schedule_row_id": 1,
        "enrolment_id": 1,
        "scenario_version_id": 1,
        "customer_id": "C1",
        "anchor_kind": "ordered",
        "anchor_key": "O1",
        "due_since": NOW,
        "was_released": False,
        "is_force_stopped": False,
        "is_active": True,
        "max_lateness": None,
        "relation_name": "eligibility.x",
        "live_function": None,
    }
    return DueRow(**(values | changes))


def verdict(row: DueRow, *, stopped: bool = False) -> Verdict:
    return judge(row, stopped=stopped, now=NOW, max_lateness=LIMIT)


def test_the_checks_are_made_in_the_glossarys_order():
    late = NOW - timedelta(days=1)
    assert verdict(due(is_force_stopped=True, is_active=False, due_since=late), stopped=True) is Verdict.FORCE_STOPPED
    assert verdict(due(is_active=False, due_since=late), stopped=True) is Verdict.LEAVE
    assert verdict(due(due_since=late), stopped=True) is Verdict.STOPPED
    assert verdict(due(due_since=late)) is Verdict.LATE
    assert verdict(due()) is Verdict.CLAIM


@pytest.mark.parametrize(
    ("late", "expected"),
    [(LIMIT, Verdict.CLAIM), (LIMIT + timedelta(microseconds=1), Verdict.LATE), (timedelta(0), Verdict.CLAIM)],
)
def test_lateness_of_exactly_the_limit_passes(late: timedelta, expected: Verdict):
    assert verdict(due(due_since=NOW - late)) is expected


@pytest.mark.parametrize(
    ("by_its_scenario", "late", "expected"),
    [
        (timedelta(hours=1), timedelta(hours=1), Verdict.CLAIM),
        (timedelta(hours=1), timedelta(hours=2), Verdict.LATE),
        (timedelta(days=2), timedelta(days=1), Verdict.CLAIM),
    ],
)
def test_a_scenarios_own_limit_goes_before_the_deployments(by_its_scenario: timedelta, late: timedelta, expected):
    assert verdict(due(due_since=NOW - late, max_lateness=by_its_scenario)) is expected


def test_a_list_is_never_too_late():
    row = due(due_since=NOW - timedelta(days=30), max_lateness=timedelta(hours=1))
    assert judge(row, stopped=False, now=NOW, max_lateness=None) is Verdict.CLAIM


def test_a_released_row_is_never_too_late():
    assert verdict(due(due_since=NOW - timedelta(days=30), was_released=True)) is Verdict.CLAIM


def test_a_release_does_not_outlive_a_stop():
    assert verdict(due(was_released=True), stopped=True) is Verdict.STOPPED


def test_an_entry_into_a_segment_that_is_no_anchor_any_more_is_stopped():
    assert is_stopped_without_anchor(due(anchor_kind="entered", live_function="eligibility.x_answers"))


def test_a_model_written_by_hand_that_hides_an_anchor_stops_nobody():
    assert not is_stopped_without_anchor(due(anchor_kind="entered", live_function=None))


def test_an_order_that_is_no_anchor_any_more_goes_on():
    assert not is_stopped_without_anchor(due(anchor_kind="ordered", live_function="eligibility.x_answers"))

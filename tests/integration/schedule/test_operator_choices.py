"""Which rows an operator's action takes: by filter, by name, by why they are held, and as they are once locked."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from ekiden.database.connection import connect
from ekiden.schedule.operating.actions import ACTIONS
from ekiden.schedule.operating.operators import OperatorReport, WrongState, applicable, preview
from ekiden.schedule.rows import NoHoldReason, NoRowId, RowFilter
from tests.integration.ledger_fixtures import STEP, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


def test_a_filter_narrows_by_every_field_that_is_given(ledger: Shop):
    assert {row.customer_id for row in ledger.rows(state="held")} == {"C2"}
    assert {row.customer_id for row in ledger.rows(reason="past_due", scenario="follow_up", step_no=1)} == {"C2"}
    assert ledger.rows(scenario="follow_up", state="held", customer="C1") == []
    day = ledger.row(customer="C1").due_date
    assert {row.customer_id for row in ledger.rows(due_from=day)} == {"C1"}
    assert {row.customer_id for row in ledger.rows(due_to=day)} == {"C1", "C2"}


def test_the_first_so_many_are_those_due_first(ledger: Shop):
    for customer, anchored in (("C3", "2024-02-28"), ("C4", "2024-03-03"), ("C5", "2024-02-20")):
        ledger.buyer(customer, anchored)
    ledger.plan()
    # of those it can be done to: C1, which is ready, is not counted
    assert ledger.operate("release", first=3).changed == 3
    assert {row.customer_id for row in ledger.rows(state="ready")} == {"C1", "C2", "C3", "C5"}
    assert [row.customer_id for row in ledger.rows(state="held")] == ["C4"]


def test_a_row_is_named_by_its_number_or_by_its_messages_id(ledger: Shop):
    first, second = ledger.row(customer="C1"), ledger.row(customer="C2")
    assert ledger.operate("complete", rows=(str(first.schedule_row_id),)).changed == 1
    assert ledger.operate("complete", rows=(str(second.message_id),)).changed == 1


@pytest.mark.parametrize("name", ["C1", "", "1; drop table x", "-1", "9" * 20, "9" * 5000])
def test_what_is_no_row_is_refused(name: str):
    with pytest.raises(NoRowId, match="names no row"):
        RowFilter(rows=(name,))


def test_a_state_that_an_action_does_not_apply_to_is_refused():
    with pytest.raises(WrongState, match="state sent: hold applies to rows that are ready"):
        applicable(ACTIONS["hold"], RowFilter(states=("ready", "sent")))


def meanwhile(ledger: Shop, theirs: Callable[[Shop], object], action: str, **row_filter: object) -> OperatorReport:
    """Let an action wait for a row that another person's transaction is just changing; return what became of it."""
    with connect(ledger.settings, autocommit=True) as other, ThreadPoolExecutor(1) as pool:
        # it ends before the pool does, whatever happens in it, and lets the action go on
        with other.transaction():
            theirs(Shop(ledger.settings, other, ledger.now))
            doing = pool.submit(ledger.operate, action, **row_filter)
            _wait_until_it_waits(other, ledger.connection.info.backend_pid)
        return doing.result(timeout=30)


def _wait_until_it_waits(connection, pid: int) -> None:
    waits = "select cardinality(pg_blocking_pids(%s)) > 0"
    give_up = time.monotonic() + 30  # seconds; it is a matter of milliseconds
    while not connection.execute(waits, [pid]).fetchone()[0]:
        assert time.monotonic() < give_up, "the action does not wait for the row"
        time.sleep(0.01)


def test_two_who_delete_the_last_rows_of_an_enrolment_at_once_leave_none(shop: Shop):
    shop.scenario(on_skip="continue", steps=[STEP, STEP | {"offset_days": 3}])
    shop.buyer("C1", newsletter_status="none")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    assert shop.states() == {("C1", 1): "skipped", ("C1", 2): "ready"}
    report = meanwhile(shop, lambda other: other.operate("delete", step_no=1), "delete", step_no=2)
    assert report.changed == 1
    assert shop.enrolments()["C1"] == ("removed", None)
    shop.plan()
    assert shop.states() == {("C1", 1): "ready"}


def test_a_row_that_the_filter_admits_no_more_once_it_is_locked_is_left(ledger: Shop):
    report = meanwhile(ledger, lambda other: other.operate("release", customer="C2"), "delete", state="held")
    assert (report.matched, report.changed) == (1, 0)
    assert list(map(str, report.not_changed)) == ["1 left: changed meanwhile"]
    assert ledger.row(customer="C2").state == "ready"
    ((summary,),) = ledger.execute("select summary from outreach.runs where run_id = %s", report.run_id)
    assert summary["not_changed"] == [{"rows": 1, "why": "changed meanwhile"}]


def test_a_row_that_was_changed_meanwhile_and_that_the_filter_still_admits_is_changed(ledger: Shop):
    report = meanwhile(ledger, lambda other: other.operate("release", customer="C2"), "delete", customer="C2")
    assert (report.matched, report.changed, report.not_changed) == (1, 1, ())


def test_a_row_that_was_deleted_meanwhile_is_told(ledger: Shop):
    report = meanwhile(ledger, lambda other: other.operate("delete", customer="C2"), "release")
    assert (report.matched, report.changed) == (2, 0)
    assert list(map(str, report.not_changed)) == [
        "1 left: in a state that release does not apply to (ready)",
        "1 left: changed meanwhile",
    ]


@pytest.fixture
def held_for_all_reasons(ledger: Shop) -> Shop:
    """C1 was found too late, C2 was due before, C3 a person held, C4 one reopened in words that look like a reason."""
    ledger.buyer("C3")
    ledger.buyer("C4", "2024-03-01")
    ledger.plan()
    ledger.operate("hold", customer="C3")
    ledger.operate("block", customer="C4")
    ledger.operate("reopen", customer="C4", reason="past_due")
    ledger.at("2024-03-09 19:00")
    ledger.send()
    return ledger


def test_only_what_is_held_for_a_reason_is_released(held_for_all_reasons: Shop):
    ledger = held_for_all_reasons
    assert ledger.operate("release", hold_reasons=("missed_send",)).changed == 1
    assert ledger.operate("release", hold_reasons=("past_due", "past_time")).changed == 1
    assert ledger.states() == {("C1", 1): "ready", ("C2", 1): "ready", ("C3", 1): "held", ("C4", 1): "held"}
    assert ledger.operate("complete", hold_reasons=("operator",)).changed == 2


def test_a_preview_counts_held_rows_by_why_they_are_held(held_for_all_reasons: Shop):
    ledger = held_for_all_reasons
    ledger.operate("release", customer="C2")
    found = preview(ledger.connection, ACTIONS["release"], RowFilter(), sample=1)
    assert [(count.state, count.hold_reason, count.rows) for count in found.counts] == [
        ("held", "missed_send", 1),
        ("held", "operator", 2),
        ("ready", None, 1),
    ]
    assert (found.matched, len(found.sample)) == (4, 1)


def test_a_row_that_is_held_for_another_reason_by_the_time_it_is_locked_is_left(held_for_all_reasons: Shop):
    def again_by_hand(other: Shop) -> None:
        other.operate("release", customer="C2")
        other.operate("hold", customer="C2")

    report = meanwhile(held_for_all_reasons, again_by_hand, "release", hold_reasons=("past_due",))
    assert list(map(str, report.not_changed)) == ["1 left: changed meanwhile"]
    assert held_for_all_reasons.row(customer="C2").reason == "operator"


def test_a_hold_reason_that_there_is_not_is_refused():
    with pytest.raises(NoHoldReason, match="hold reason late: there are past_due, past_time, missed_send, operator"):
        RowFilter(hold_reasons=("late",))


def test_a_hold_reason_is_refused_by_what_does_not_apply_to_held_rows():
    with pytest.raises(WrongState, match="hold reason: retry applies to rows that are failed, not held"):
        applicable(ACTIONS["retry"], RowFilter(hold_reasons=("past_due",)))

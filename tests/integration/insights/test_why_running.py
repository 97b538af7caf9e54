"""What `why` tells of who is in a scenario: nothing that the ledger will not do."""

from datetime import date, timedelta

import pytest

from ekiden.delivery.channels.base import Outcome
from ekiden.delivery.pauses import pause
from ekiden.insights.explanation.explain import SHOWN_ROWS, EntryVerdict
from tests.integration.delivery.lists.exporting import CARD
from tests.integration.insights.asking import NOON, asks
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")

AT_ANCHOR = {"enrol_at": "anchor", "steps": [STEP | {"offset_days": 3}]}


@pytest.fixture
def ledger(shop: Shop) -> Shop:
    """C1 is ready for noon, with a second step two days later."""
    shop.scenario(steps=[STEP, STEP | {"offset_days": 3}])
    shop.buyer("C1", "2024-03-08")
    shop.plan()
    return shop


def test_who_waits_in_a_scenario_that_sends_nothing_is_told_what_has_to_happen(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    assert asks(shop).next == "nothing: step 1 is ready, due on 2024-03-09"
    shop.scenario(status="disabled")
    assert asks(shop).next.startswith("step 1 is ready, due on 2024-03-09, but the scenario is disabled; ")
    shop.scenario(status="disabled", disable_mode="drain")
    assert asks(shop).next.startswith("nothing: ")


def test_what_the_next_send_does_instead_of_sending_is_told_before_it_does_it(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.stop("C1", since=shop.now, live_only=True)
    assert asks(shop).next == (
        "step 1 is ready, due on 2024-03-09, but a stop condition holds: the next send or plan cancels step 1"
    )
    assert "may go out" not in str(asks(shop).delivery)
    shop.at(NOON)
    shop.send()
    assert shop.row().state == "cancelled"


def test_what_is_held_is_told_to_be_cancelled_by_the_next_plan_alone(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.operate("hold", customer="C1")
    shop.stop("C1", since=shop.now)
    assert asks(shop).next.endswith("; but a stop condition holds: the next plan cancels step 1")
    shop.at(NOON)
    shop.send()
    assert shop.row().state == "held"
    shop.plan()
    assert shop.row().state == "cancelled"


@pytest.mark.parametrize("is_forced", [True, False])
def test_what_failed_is_told_to_be_cancelled_only_once_it_is_retried(shop: Shop, is_forced: bool):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.at(NOON)
    shop.channel.answers["c1@shop.example"] = Outcome.refused
    shop.send()
    assert asks(shop).delivery[-1].wording == "the customer may be written to by step 1 (html_email)"
    if is_forced:
        shop.scenario(steps=[STEP | {"state": "force_stopped"}])
        told = "step 1 is stopped by force: once it is retried, the next send or plan cancels it"
    else:
        shop.stop("C1", since=shop.now)
        told = "a stop condition holds: once it is retried, the next send or plan cancels step 1"
    shop.plan()
    shop.send()
    assert shop.row().state == "failed"
    assert asks(shop).next.endswith(f"; but {told}")
    shop.operate("retry", customer="C1")
    shop.send()
    assert shop.row().state == "cancelled"


def test_what_is_on_its_way_or_unknown_is_not_told_to_go_out(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    assert "step 1 (html_email) may go out" in str(asks(shop).delivery)
    shop.at(NOON)
    shop.channel.answers["c1@shop.example"] = Outcome.unknown
    shop.send()
    assert shop.row().state == "sending"
    assert "may go out" not in str(asks(shop).delivery)


def test_a_version_that_cannot_be_asked_is_told_of_with_the_way_out(shop: Shop):
    for model, priority in (("follow_up", 1), ("worse", 2)):
        shop.scenario(model, multi_delivery=False, priority=priority)
    shop.buyer("C1")
    shop.plan()
    shop.eligible("C1", "2024-03-08", model="worse")
    shop.execute("drop function eligibility.follow_up_answers")
    told = asks(shop)
    assert "version 1 (git abc123) of follow_up cannot be asked whether its stop condition holds" in told.next
    assert "ekiden complete --row" in told.next
    assert asks(shop, scenario="worse").verdict is EntryVerdict.KEPT_OUT


def test_what_is_too_late_is_told_to_be_held_unless_a_person_released_it(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-09 18:01")
    assert "passed by too far: the next send holds it" in asks(shop).next
    shop.send()
    assert shop.row().state == "held"
    shop.operate("release", customer="C1")
    assert asks(shop).next.startswith("nothing: ")


def test_a_step_that_was_stopped_by_force_is_told_to_be_cancelled(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.scenario(steps=[STEP | {"state": "force_stopped"}])
    shop.plan("2024-03-10")  # a day to come: nothing but the definitions is taken over
    assert "step 1 is stopped by force: the next send or plan cancels it" in asks(shop).next


def test_who_may_be_written_to_is_judged_by_the_version_that_the_row_was_born_from(shop: Shop):
    shop.scenario(consent_recheck=False)
    shop.buyer("C1", newsletter_status="none")
    shop.plan()
    shop.scenario(consent_recheck=True)
    shop.plan("2024-03-10")
    assert asks(shop).next.startswith("nothing: ")
    shop.at(NOON)
    shop.send()
    assert shop.row().state == "sent"


def test_a_persons_words_on_a_row_are_told_as_they_are_also_where_they_are_a_reasons_name(ledger: Shop):
    assert asks(ledger).rows == ("step 1, due 2024-03-09: ready (実施可能), 2024-03-09 12:00",)
    ledger.operate("hold", customer="C1")
    assert asks(ledger).rows[0].endswith("; a person holds it: `ekiden release`")
    for action, state in (("block", "blocked (配信不可)"), ("complete", "completed (実施完了)")):
        ledger.operate(action, customer="C1", reason="no_address")
        assert asks(ledger).rows == (f"step 1, due 2024-03-09: {state}; no_address",)
        if action == "block":
            ledger.operate("reopen", customer="C1", reason="a mistake")


def test_a_channel_that_the_deployment_has_not_is_told(shop: Shop):
    shop.settings = shop.settings.model_copy(update={"options": frozenset({"sms"})})
    shop.scenario(steps=[STEP | {"channel": "sms"}])
    shop.buyer("C1", phone="090-1234-5678")
    shop.plan()
    assert asks(shop).next.endswith("but this deployment sends nothing by sms; configure it: docs/channels.md")


def test_what_waits_or_is_blocked_is_told_however_many_rows_there_were_before(shop: Shop):
    shop.scenario(reentry="per_anchor")
    shop.customer("C1")
    for number in range(1000):
        shop.eligible("C1", "2024-03-05", key=f"O-{number}")
    shop.plan()
    shop.eligible("C1", "2024-03-06", key="O-last")
    shop.plan()
    found = asks(shop)
    assert found.next.startswith("step 1, due 2024-03-07: held (実施保留); ")
    assert len(found.rows) == SHOWN_ROWS + 1
    assert found.rows[-2].startswith("step 1, due 2024-03-07: held (実施保留); ")
    assert found.rows[-1] == "and 981 earlier ones: `ekiden rows --scenario follow_up --customer C1`"
    shop.operate("block", rows=(str(shop.row(due_from=date(2024, 3, 7)).schedule_row_id),))
    shop.eligible("C1", "2024-03-07", key="O-after")
    (planning,) = [check for check in asks(shop).anchors[0].planning if check.name == "not_entered"]
    assert planning.remedy == "a person would have to take the block back: `ekiden reopen`"


def test_of_a_list_it_is_told_that_a_person_has_to_export_it(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer("C1", postal_code="001-0001")
    shop.plan()
    assert asks(shop).next == "step 1 is ready, due on 2024-03-09: a person has to export its list, `ekiden export`"


def test_who_is_in_without_a_row_that_waits_is_told_why(ledger: Shop):
    ledger.at(NOON)
    ledger.send()
    ledger.operate("delete", customer="C1", state="ready")
    assert asks(ledger).next == "nothing: a person deleted the row that waited, so no further step follows"


@pytest.mark.parametrize(
    ("happens", "because", "reason"),
    [
        ("stop", "its stop condition holds", "stop_condition"),
        ("force", "its next step is stopped by force", "force_stopped"),
        ("edit", "its entry conditions hold no more after an edit", "stop_condition"),
    ],
)
def test_who_waits_for_a_first_row_is_told_that_the_next_plan_ends_this(
    shop: Shop, happens: str, because: str, reason: str
):
    shop.scenario(**AT_ANCHOR)
    shop.buyer("C1", "2024-03-09")
    shop.plan()
    assert asks(shop).next == "nothing: the first step is planned on its day"
    match happens:
        case "stop":
            shop.stop("C1", since=shop.now + timedelta(hours=1))
            shop.at("2024-03-09 08:00")
        case "force":
            shop.scenario(enrol_at="anchor", steps=[STEP | {"offset_days": 3, "state": "force_stopped"}])
        case "edit":
            shop.scenario(**AT_ANCHOR, reevaluate_on_update=True)
            shop.execute("update eligibility.follow_up set entry_during = '{}'")
    shop.plan("2024-03-20")  # a day to come: nothing but the definitions is taken over
    assert asks(shop).next == f"the next plan ends this without a message: {because}"
    if happens == "stop":
        # it had not begun, and a coming day sees it as well
        assert asks(shop, "2024-03-09T06:30").next == "nothing: the first step is planned on its day"
        assert asks(shop, "2024-03-11").next == f"the next plan ends this without a message: {because}"
    shop.plan()
    assert shop.enrolments() == {"C1": ("stopped", reason)}


def test_whose_hold_expires_is_told_so_besides_the_release(shop: Shop):
    shop.scenario(hold_expires_after_days=2)
    shop.buyer("C1", "2024-03-07")
    shop.plan()
    assert asks(shop).next.endswith("so a person must release it: `ekiden release`")
    expires = "; but the next plan ends it: its hold expires"
    assert asks(shop, "2024-03-12").next.endswith(expires)
    shop.at("2024-03-12 06:00")
    assert asks(shop).next.endswith(f"`ekiden release`{expires}")
    shop.stop("C1", since=shop.now)
    # what a sender's rule says stands once
    assert asks(shop).next.endswith("`ekiden release`; but a stop condition holds: the next plan cancels step 1")
    shop.stop("C1", since=shop.local("2024-03-20 06:00"))
    shop.plan()
    assert (shop.row().state, shop.row().reason) == ("cancelled", "hold_expired")


def test_whom_an_edit_takes_out_is_told_so_though_the_row_is_ready(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.scenario(reevaluate_on_update=True)
    shop.execute("update eligibility.follow_up set entry_during = '{}'")
    shop.plan("2024-03-20")  # a day to come: nothing but the definitions is taken over
    assert asks(shop).next == (
        "step 1 is ready, due on 2024-03-09, but the next plan ends it: its entry conditions hold no more after an edit"
    )
    shop.plan()
    assert shop.enrolments() == {"C1": ("stopped", "stop_condition")}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "step 1 is ready, due on 2024-03-09, but the next plan starts it anew, by ordered: order O-2"),
        (AT_ANCHOR, "the next plan starts it anew, by ordered: order O-2"),
    ],
)
def test_whom_a_later_anchor_starts_anew_is_told_so(shop: Shop, settings: dict, told: str):
    shop.scenario(reentry="after_exit", on_retrigger="restart", **settings)
    shop.buyer("C1")
    shop.plan()
    assert asks(shop).next.startswith("nothing: ")
    shop.eligible("C1", "2024-03-09", key="O-2", entry="{[2024-03-09T10:00+09:00,)}")
    shop.at("2024-03-09 11:00" if settings else "2024-03-10 06:00")
    # so that its lateness is not told besides
    shop.settings = shop.settings.model_copy(update={"max_lateness": timedelta(days=2)})
    assert asks(shop).next == told
    shop.plan()
    ended = "select anchor_key, exit_reason from outreach.enrolments order by enrolment_id"
    assert shop.execute(ended) == [("O-C1-2024-03-08", "superseded"), ("O-2", None)]


def test_who_is_ended_first_or_whose_message_failed_is_not_told_to_start_anew(shop: Shop):
    shop.scenario(reentry="after_exit", on_retrigger="restart")
    shop.buyer("C1")
    shop.plan()
    shop.at(NOON)
    shop.channel.answers["c1@shop.example"] = Outcome.refused
    shop.send()
    shop.eligible("C1", "2024-03-09", key="O-2", entry="{[2024-03-09T10:00+09:00,)}")
    shop.at("2024-03-10 06:00")
    assert "anew" not in asks(shop).next
    assert shop.plan().enrolled == 0
    shop.operate("retry", customer="C1")
    assert asks(shop).next.endswith("the next plan starts it anew, by ordered: order O-2")
    shop.execute("update eligibility.follow_up_live set stop_during = '{(,)}' where anchor_key <> 'O-2'")
    assert asks(shop).next.endswith("but a stop condition holds: the next send or plan cancels step 1")


def test_of_an_earlier_moment_it_is_told_how_it_ended_since(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.at(NOON)
    shop.send()
    asked = asks(shop, "2024-03-09T07:00")
    assert (asked.verdict, asked.next) == (EntryVerdict.ENTERED, "nothing: completed since, 2024-03-09 12:00")


def test_of_an_enrolment_that_ended_the_row_of_a_later_one_is_not_told_as_what_comes_next(shop: Shop):
    shop.scenario(reentry="after_exit")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08")
    shop.plan()
    shop.at("2024-03-09 07:00")
    shop.operate("complete", customer="C1")
    shop.at("2024-03-11 06:00")
    shop.eligible("C1", "2024-03-10")
    shop.plan()
    assert asks(shop).next == "nothing: step 1 is ready, due on 2024-03-11"
    assert asks(shop, "2024-03-09T06:30").next == "nothing: stopped since, 2024-03-09 07:00"


def test_of_two_enrolments_the_row_of_the_one_that_is_named_is_told(shop: Shop):
    shop.scenario(reentry="per_anchor")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08")
    shop.plan()
    shop.operate("hold", customer="C1")
    shop.at("2024-03-09 07:00")
    shop.eligible("C1", "2024-03-08", key="O-2")
    shop.plan()
    shop.stop("C1", since=shop.now)
    shop.execute("update eligibility.follow_up_live set stop_during = '{}' where anchor_key <> 'O-2'")
    told = asks(shop)
    assert told.sentence.endswith("by ordered: order O-2")
    assert told.next == (
        "step 1 is ready, due on 2024-03-09, but a stop condition holds: the next send or plan cancels step 1"
    )


def test_codes_that_were_swapped_and_not_planned_yet_tell_of_the_right_rows(shop: Shop):
    for model, send_time in (("a", "12:00"), ("b", "13:00")):
        shop.scenario(model, steps=[STEP | {"send_time": send_time}])
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="a")
    shop.plan()
    pause(shop.connection, "a", reason="a wrong picture", now=shop.now, context=OPERATOR)
    shop.scenario("b", model="a")
    shop.scenario("a", model="b", steps=[STEP | {"send_time": "13:00"}])
    was_b, was_a = asks(shop, scenario="a"), asks(shop, scenario="b")
    assert (was_b.rows, was_b.verdict) == ((), EntryVerdict.KEPT_OUT)
    assert (len(was_a.rows), was_a.verdict) == (1, EntryVerdict.ENTERED)
    assert "a wrong picture" in was_a.next

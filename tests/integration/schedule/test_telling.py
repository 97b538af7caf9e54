"""What `why`, `show` and `status` tell of a ledger: nothing that it will not do."""

from collections.abc import Callable
from datetime import date, timedelta
from io import StringIO

import pytest
from rich.console import Console

from ekiden.delivery.channels.base import Outcome
from ekiden.delivery.consent.opt_outs import NewOptOut, OptOutChannel, opt_out
from ekiden.delivery.pauses import pause
from ekiden.insights.explanation.explain import SHOWN_ROWS, Verdict
from ekiden.insights.lineage import lineage
from ekiden.insights.lineage_wording import describe
from ekiden.insights.moments import moment
from ekiden.insights.status import deployment_status
from ekiden.insights.why import why
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop
from tests.integration.schedule.exporting import CARD

pytestmark = pytest.mark.usefixtures("sound_ledger")

NOON = "2024-03-09 12:00"


def asks(shop: Shop, on: str | None = None, scenario: str = "follow_up"):
    about = moment(on, now=shop.now, zone=shop.settings.zone)
    return why(shop.connection, scenario, "C1", about, settings=shop.settings)


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
    assert asks(shop, scenario="worse").verdict is Verdict.KEPT_OUT


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


@pytest.mark.parametrize(
    ("settings", "key"),
    [({}, "O-C1-2024-03-01"), ({"reentry": "after_exit", "on_retrigger": "restart"}, "O-C1-2024-03-02")],
)
def test_of_several_anchors_that_may_enter_the_one_is_named_that_does(shop: Shop, settings: dict[str, str], key: str):
    shop.scenario(**settings)
    shop.customer("C1")
    for day in ("2024-03-01", "2024-03-02"):
        shop.eligible("C1", day)
    assert asks(shop).sentence == f"enters with the next planning run, by ordered: order {key}"
    shop.plan()
    assert shop.row().anchor_key == key


def test_of_two_anchors_of_one_instant_that_start_anew_the_one_is_named_that_does(shop: Shop):
    shop.scenario(reentry="after_exit", on_retrigger="restart")
    shop.customer("C1")
    for key in ("O-2", "O-1"):
        shop.eligible("C1", "2024-03-08", key=key)
    assert asks(shop).sentence == "enters with the next planning run, by ordered: order O-1"
    shop.plan()
    assert shop.row().anchor_key == "O-1"


@pytest.mark.parametrize(
    ("held", "enters"),
    [("{[2024-03-01T00:00+09:00,2024-03-05T00:00+09:00)}", True), ("{[2024-03-20T00:00+09:00,)}", False)],
)
def test_entry_on_a_day_gone_by_is_judged_as_of_that_day_where_the_scenario_says_so(
    shop: Shop, held: str, enters: bool
):
    shop.scenario(backfill_as_of="due_date")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-01", entry=held)
    found = asks(shop)
    assert (found.verdict is Verdict.MAY_ENTER) == enters
    assert "2024-03-20" not in found.next
    assert found.anchors[0].conditions[0].wording == (
        "entry is judged as of 2024-03-02 06:00 (backfill_as_of: due_date)"
    )
    assert shop.plan().enrolled == enters


@pytest.mark.parametrize(
    ("stop", "first_failing"),
    [
        (
            "{[2024-03-01 10:00+09,2024-03-05 00:00+09)}",
            "a stop condition held at 2024-03-02 06:00, as the table has it",
        ),
        ("{[2024-03-05 00:00+09,)}", "a stop condition holds, as the table has it"),
        ("{[2024-03-05 00:00+09,2024-03-06 00:00+09)}", None),
    ],
)
def test_a_stop_that_held_on_a_day_gone_by_is_told_where_it_keeps_out(shop: Shop, stop: str, first_failing: str | None):
    shop.scenario(backfill_as_of="due_date")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-01", stop=stop)
    found = asks(shop)
    assert (found.verdict is Verdict.MAY_ENTER) == (first_failing is None)
    assert first_failing is None or found.first_failing == f"ordered: order O-C1-2024-03-01: {first_failing}"
    (then,) = [check for check in found.anchors[0].conditions if check.name == "stop_then"]
    assert then.passes == ("03-02" not in (first_failing or ""))
    assert then.passes or found.next == "needs a later anchor"
    assert shop.plan().enrolled == (first_failing is None)


def test_a_persons_words_on_a_row_are_told_as_they_are_also_where_they_are_a_reasons_name(ledger: Shop):
    assert asks(ledger).rows == ("step 1, due 2024-03-09: ready (実施可能), 2024-03-09 12:00",)
    ledger.operate("hold", customer="C1")
    assert asks(ledger).rows[0].endswith("; a person holds it: `ekiden release`")
    for action, state in (("block", "blocked (配信不可)"), ("complete", "completed (実施完了)")):
        ledger.operate(action, customer="C1", reason="no_address")
        assert asks(ledger).rows == (f"step 1, due 2024-03-09: {state}; no_address",)
        if action == "block":
            ledger.operate("reopen", customer="C1", reason="a mistake")


def test_an_opt_out_that_a_message_went_out_in_spite_of_is_told_by_what_it_was_of(shop: Shop):
    shop.scenario()
    shop.buyer("C1", email_2="second@shop.example")
    shop.plan()
    against = [NewOptOut(address="second@shop.example"), NewOptOut("C1", channel=OptOutChannel.SMS)]
    opt_out(shop.connection, against, source="command", now=shop.now, recorded_by="hanako")
    shop.at(NOON)
    shop.send()
    drawn = Console(file=StringIO(), width=200)
    drawn.print(describe(lineage(shop.connection, shop.row().message_id), shop.settings))
    told = {line.split("(")[1].split(",")[0]: line for line in drawn.file.getvalue().splitlines() if "opt-out" in line}
    assert told["every channel"].rstrip().endswith("was of another address")
    assert told["sms"].rstrip().endswith("was of other messages")


def test_a_message_is_shown_with_a_persons_words_as_they_are(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    shop.operate("block", customer="C1", reason="[/red]")
    shop.operate("reopen", customer="C1", reason="see [ops]")
    shop.operate("release", customer="C1")
    shop.at(NOON)
    shop.send()
    drawn = Console(file=StringIO(), width=200)
    drawn.print(describe(lineage(shop.connection, shop.row().message_id), shop.settings))
    assert "blocked ([/red])" in drawn.file.getvalue()
    assert "held (see [ops])" in drawn.file.getvalue()


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


def test_of_a_list_it_is_told_that_a_person_has_to_export_it(one_card: Shop):
    assert asks(one_card).next == "step 1 is ready, due on 2024-03-09: a person has to export its list, `ekiden export`"


def test_who_is_in_without_a_row_that_waits_is_told_why(ledger: Shop):
    ledger.at(NOON)
    ledger.send()
    ledger.operate("delete", customer="C1", state="ready")
    assert asks(ledger).next == "nothing: a person deleted the row that waited, so no further step follows"


AT_ANCHOR = {"enrol_at": "anchor", "steps": [STEP | {"offset_days": 3}]}


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
    assert (asked.verdict, asked.next) == (Verdict.ENTERED, "nothing: completed since, 2024-03-09 12:00")


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


@pytest.mark.parametrize("everywhere", [True, False])
def test_a_block_whose_row_was_deleted_is_not_told_to_be_taken_back(shop: Shop, everywhere: bool):
    shop.settings = shop.settings.model_copy(update={"blocked_from": "every_scenario" if everywhere else "scenario"})
    shop.scenario(steps=[STEP, STEP | {"offset_days": 30}])
    shop.scenario("other")
    shop.buyer("C1")
    shop.plan()
    shop.at(NOON)
    shop.send()
    shop.operate("block", customer="C1", state="ready")
    shop.eligible("C1", "2024-03-09", model="other")
    scenario = "other" if everywhere else "follow_up"
    assert asks(shop, scenario=scenario).next == "a person would have to take the block back: `ekiden reopen`"
    shop.operate("delete", customer="C1", state="blocked")
    assert shop.enrolments()["C1"] == ("stopped", "blocked")
    where = " in follow_up" if everywhere else ""
    assert asks(shop, scenario=scenario).next == f"nothing: the blocked row{where} was deleted, so the block stays"


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
    assert (was_b.rows, was_b.verdict) == ((), Verdict.KEPT_OUT)
    assert (len(was_a.rows), was_a.verdict) == (1, Verdict.ENTERED)
    assert "a wrong picture" in was_a.next


def test_a_scenario_that_left_the_project_is_in_nobodys_way(shop: Shop):
    for model, priority in (("gone", 1), ("here", 2)):
        shop.scenario(model, multi_delivery=False, priority=priority)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="gone")
    shop.plan()
    shop.eligible("C1", "2024-03-08", model="here")
    assert asks(shop, scenario="here").verdict is Verdict.KEPT_OUT
    shop.execute("delete from eligibility.scenario_registry where model_name = 'gone'")
    shop.plan("2024-03-10")  # a day to come: nothing but the definitions is taken over
    assert asks(shop, scenario="here").verdict is Verdict.MAY_ENTER
    assert shop.plan().enrolled == 1


def stop_condition(shop: Shop) -> None:
    shop.stop("C1", since=shop.now, model="first")


def forced_stop(shop: Shop) -> None:
    shop.scenario("first", multi_delivery=False, priority=1, steps=[STEP | {"state": "force_stopped"}])


def expired_hold(shop: Shop) -> None:
    shop.scenario("first", multi_delivery=False, priority=1, hold_expires_after_days=2)
    shop.at("2024-03-12 06:00")


def edit_that_asks_again(shop: Shop) -> None:
    shop.scenario("first", multi_delivery=False, priority=1, reevaluate_on_update=True)
    shop.execute("update eligibility.first set entry_during = '{}'")


def hold_that_waits(shop: Shop) -> None:
    shop.scenario("first", multi_delivery=False, priority=1, hold_expires_after_days=2)
    shop.at("2024-03-11 06:00")


@pytest.mark.parametrize(
    ("happens", "because"),
    [
        (stop_condition, "its stop condition holds"),
        (forced_stop, "its next step is stopped by force"),
        (expired_hold, "its hold expires"),
        (edit_that_asks_again, "its entry conditions hold no more after an edit"),
        (hold_that_waits, None),
    ],
)
def test_an_exclusive_scenario_that_the_next_plan_ends_first_keeps_nobody_out(
    shop: Shop, happens: Callable[[Shop], None], because: str | None
):
    shop.scenario("first", multi_delivery=False, priority=1)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-07", model="first")
    shop.plan()
    assert shop.row().state == "held"
    shop.scenario("second", multi_delivery=False, priority=2)
    shop.eligible("C1", "2024-03-08", model="second")
    assert asks(shop, scenario="second").verdict is Verdict.KEPT_OUT
    happens(shop)
    shop.plan("2024-03-20")  # a day to come: nothing but the definitions is taken over
    told = asks(shop, scenario="second")
    assert told.verdict is (Verdict.MAY_ENTER if because else Verdict.KEPT_OUT)
    assert because is None or f"which the next plan ends first: {because}" in str(told.anchors)
    assert shop.plan().enrolled == (1 if because else 0)


def test_exclusive_scenarios_are_told_as_of_the_moment_that_is_asked_about(shop: Shop):
    for model, priority in (("first", 1), ("second", 2)):
        shop.scenario(model, multi_delivery=False, priority=priority)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="first")
    shop.plan()
    shop.eligible("C1", "2024-03-08", model="second", entry="{[2024-03-08T10:00+09:00,)}")
    shop.at(NOON)
    shop.send()
    shop.at("2024-03-09 13:00")
    assert asks(shop, scenario="second").verdict is Verdict.MAY_ENTER
    then = asks(shop, "2024-03-09T11:59", scenario="second")
    assert (then.verdict, then.next) == (Verdict.KEPT_OUT, "the enrolment in first would have to end")
    for later in ("2024-03-09T05:59", "2024-03-09T12:00"):
        assert asks(shop, later, scenario="second").first_failing is None


def test_an_exclusive_scenario_whose_row_was_deleted_kept_the_customer_until_then(shop: Shop):
    for model, priority in (("first", 1), ("second", 2)):
        shop.scenario(model, multi_delivery=False, priority=priority, steps=[STEP, STEP | {"offset_days": 30}])
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="first")
    shop.plan()
    shop.at(NOON)
    shop.send()
    shop.eligible("C1", "2024-03-08", model="second")
    shop.at("2024-03-09 13:00")
    shop.operate("delete", customer="C1", state="ready")
    shop.at("2024-03-09 14:00")
    assert asks(shop, "2024-03-09T12:59", scenario="second").verdict is Verdict.KEPT_OUT
    assert asks(shop, "2024-03-09T13:00", scenario="second").verdict is Verdict.MAY_ENTER
    assert asks(shop, scenario="second").verdict is Verdict.MAY_ENTER
    # nor does what a later plan makes of that change what was so by then
    shop.at("2024-03-10 06:00")
    shop.plan()
    assert shop.execute("select exit_reason from outreach.enrolments order by enrolment_id") == [
        ("superseded",),
        (None,),
    ]
    assert asks(shop, "2024-03-09T12:59", scenario="second").first_failing is not None
    assert asks(shop, "2024-03-09T14:00", scenario="second").first_failing is None


def a_rivals_message_fails(shop: Shop) -> None:
    """C1 came into `worse`, whose message was refused at noon, before `better` could have the customer."""
    shop.scenario("worse", multi_delivery=False, priority=2)
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="worse")
    shop.plan()
    shop.scenario("better", multi_delivery=False, priority=1)
    shop.eligible("C1", "2024-03-08", model="better")
    shop.at(NOON)
    shop.channel.answers["c1@shop.example"] = Outcome.refused
    shop.send()


def test_a_message_that_failed_later_was_not_on_its_way_before(shop: Shop):
    a_rivals_message_fails(shop)
    shop.at("2024-03-09 13:00")
    assert asks(shop, "2024-03-09T11:59", scenario="better").verdict is Verdict.MAY_ENTER
    assert asks(shop, "2024-03-09T12:01", scenario="better").verdict is Verdict.KEPT_OUT


def test_who_would_supersede_what_is_on_its_way_is_told_to_wait(shop: Shop):
    a_rivals_message_fails(shop)
    assert asks(shop, scenario="better").verdict is Verdict.KEPT_OUT
    assert "a message of worse is just being sent, or failed" in asks(shop, scenario="better").first_failing
    assert [decision.rule for decision in shop.plan().decisions if decision.scenario_code == "better"] == ["on_its_way"]
    shop.operate("block", scenario="worse", state="failed")
    assert asks(shop, scenario="better").verdict is Verdict.MAY_ENTER
    assert shop.plan().enrolled == 1


@pytest.mark.parametrize(("kind", "lines"), [("ordered", 1), ("event", 0)])
def test_a_message_shows_the_lines_of_its_anchor_order_and_of_no_other(shop: Shop, kind: str, lines: int):
    shop.scenario()
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", key="77", kind=kind)
    shop.execute("insert into raw.orders (order_id, customer_id, ordered_at) values ('77', 'C1', now())")
    shop.execute("insert into raw.order_lines (order_id, line_no, product_id, quantity) values ('77', 1, 'A', 1)")
    shop.plan()
    shop.at(NOON)
    shop.send()
    assert len(lineage(shop.connection, shop.row().message_id).anchor_lines) == lines


def test_every_ready_row_is_counted_once_by_what_it_waits_for(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer("C1")
    for model, changes in (("mail", {}), ("later", {}), ("off", {}), ("off_list", {"steps": [CARD]})):
        shop.scenario(model, **changes)
        shop.eligible("C1", "2024-03-08", model=model)
    shop.plan()
    for model, changes in (("off", {}), ("off_list", {"steps": [CARD]})):
        shop.scenario(model, status="disabled", **changes)
    shop.scenario("later", steps=[STEP | {"send_time": "18:00"}])
    shop.customer("C2")
    shop.eligible("C2", "2024-03-08", model="later")
    shop.at(NOON)
    shop.plan()
    rows = deployment_status(shop.connection, now=shop.now, settings=shop.settings).rows
    assert (rows.due, rows.lists_due, rows.switched_off, rows.ready_later) == (2, 1, 2, 1)
    assert len(shop.rows(state="ready")) == 6

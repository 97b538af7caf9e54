"""The first thing that fails, and what comes next, on evidence that needs no database."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ekiden.insights.built import AskedScenario
from ekiden.insights.explanation.evidence import (
    AnchorEvidence,
    Block,
    Candidate,
    Enrolment,
    Evidence,
    Fact,
    FrameEvidence,
    Rival,
    Span,
)
from ekiden.insights.explanation.explain import EntryVerdict, Explanation, explain
from ekiden.insights.moments import moment
from ekiden.scenarios.definition import check

ZONE = ZoneInfo("Asia/Tokyo")
ORDERED = datetime(2026, 3, 2, 12, tzinfo=ZONE)
NOW = datetime(2026, 3, 8, 9, tzinfo=ZONE)
ALWAYS = (Span(None, None),)
SINCE_ORDER = (Span(ORDERED, None),)
A = {"type": "product", "codes": ["A"]}


def asked(**settings: Any) -> AskedScenario:
    written = {
        "code": "follow_up",
        "name": "フォロー",
        "status": "enabled",
        "anchor": "ordered",
        "target": {"frames": [A]},
        "steps": [{"offset_days": 6, "content": "sample/step_1"}],
        **settings,
    }
    checked = check(written)
    assert checked.scenario is not None, checked.faults
    return AskedScenario(checked.scenario, written, "follow_up", "", "", "", NOW, 1, 1)


ANCHOR = AnchorEvidence(
    "ordered", "O-1", ORDERED, ORDERED.date(), SINCE_ORDER, (), SINCE_ORDER, ORDERED, SINCE_ORDER, SINCE_ORDER
)
BOUGHT = FrameEvidence("target", 1, A, (Fact("O-1", SINCE_ORDER[0]),), SINCE_ORDER)
EVIDENCE = Evidence("C1", "confirmed", (BOUGHT,), anchors=(ANCHOR,))


def ask(evidence: Evidence, on: str | None = None, **settings: Any) -> Explanation:
    return explain(asked(**settings), evidence, moment(on, now=NOW, zone=ZONE), ZONE)


def entered(**changes: Any) -> Enrolment:
    values: dict[str, Any] = {
        "enrolment_id": 1,
        "anchor_kind": "ordered",
        "anchor_key": "O-0",
        "anchor_at": ORDERED - timedelta(days=9),
        "anchor_date": date(2026, 2, 21),
        "state": "completed",
        "exit_reason": None,
        "entered_at": ORDERED - timedelta(days=6),
        "exited_at": ORDERED - timedelta(days=5),
    }
    given = {**values, **changes}
    return Enrolment(**{"left_at": given["exited_at"], **given})


def test_who_was_blocked_elsewhere_is_kept_out_where_that_counts_everywhere():
    evidence = replace(EVIDENCE, blocked_in=(Block("win_back", NOW),))
    found = ask(evidence)
    assert found.verdict is EntryVerdict.KEPT_OUT
    assert "blocked the customer in win_back" in found.first_failing
    assert "ekiden reopen" in found.next
    assert ask(evidence, on=(NOW - timedelta(minutes=1)).isoformat()).verdict is EntryVerdict.MAY_ENTER


def test_who_passes_everything_on_the_day_may_enter():
    found = ask(EVIDENCE, on="2026-03-08T06:00")
    assert found.verdict is EntryVerdict.MAY_ENTER
    assert found.first_failing is None
    assert found.next == "nothing: step 1 is due on 2026-03-08"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "tomorrow's holds its row"),
        ({"past_date_policy": "skip"}, "tomorrow's leaves it out"),
        ({"look_back_days": 0}, "tomorrow's leaves it out"),
        ({"past_date_policy": "send_now"}, None),
    ],
)
def test_after_the_daily_plan_it_is_told_what_the_next_one_makes_of_who_is_due_today(settings, told: str | None):
    found = ask(EVIDENCE, on="2026-03-08T06:01", **settings)
    ending = f"; if no plan lets the customer in today, {told}" if told else ""
    assert found.next == f"nothing: step 1 is due on 2026-03-08{ending}"
    # by a coming moment its daily plan was there
    assert "tomorrow" not in ask(EVIDENCE, on="2026-03-08T10:00", **settings).next


@pytest.mark.parametrize(("channel", "waits"), [("html_email", True), ("dm", False)])
def test_what_is_held_once_its_time_of_day_has_passed_is_told_on_its_day(channel: str, waits: bool):
    steps = [{"offset_days": 6, "content": "sample/step_1", "channel": channel}]
    told = ask(EVIDENCE, past_time_today="hold", past_date_policy="send_now", steps=steps).next
    assert told.endswith("; if its time of day has passed when it is planned, its row waits for a release") == waits
    assert "time of day" not in ask(EVIDENCE, on="2026-03-07", past_time_today="hold", steps=steps).next


def test_a_backfill_is_advised_only_where_it_lets_somebody_in():
    late = {"on": "2026-03-20", "look_back_days": 2}
    assert ask(EVIDENCE, **late).next == (
        "needs a later anchor, or a person's backfill of that day: `ekiden plan --date 2026-03-08`"
    )
    assert ask(EVIDENCE, **late, past_date_policy="skip").next == "needs a later anchor"


def test_who_only_waits_for_the_day_is_told_which():
    found = ask(EVIDENCE, on="2026-03-07")
    assert (found.verdict, found.first_failing) == (EntryVerdict.WAITS, None)
    assert found.next == "nothing: the customer enters on 2026-03-08, and step 1 is due on 2026-03-08"


@pytest.mark.parametrize(
    ("ends", "enters"), [("2026-03-06T00:00", False), ("2026-03-08T06:00", False), ("2026-03-08T06:01", True)]
)
def test_nobody_is_told_to_enter_on_a_day_whose_plan_finds_conditions_that_ended_before(ends: str, enters: bool):
    spans = (Span(ORDERED, datetime.fromisoformat(ends).replace(tzinfo=ZONE)),)
    for evidence in (
        replace(EVIDENCE, anchors=(replace(ANCHOR, target=spans, may_enter=spans),)),
        replace(EVIDENCE, anchors=(replace(ANCHOR, entry=spans, may_enter=spans),), is_by_hand=True),
    ):
        found = ask(evidence, on="2026-03-04T09:00")
        assert found.verdict is EntryVerdict.WAITS
        assert found.next.startswith("nothing: the customer enters on 2026-03-08") == enters
        assert enters or found.next == (
            "on 2026-03-08, when the customer would enter, its conditions do not hold, as far as is known now"
        )


@pytest.mark.parametrize(
    ("happened", "judged"),
    [
        # after that day's plan, before it, and today
        ("2026-03-07T15:00", "2026-03-07 15:00"),
        ("2026-03-07T05:00", "2026-03-07 06:00"),
        ("2026-03-08T08:00", None),
    ],
)
def test_entry_on_a_day_gone_by_is_never_judged_before_the_anchor(happened: str, judged: str | None):
    at = datetime.fromisoformat(happened).replace(tzinfo=ZONE)
    since = (Span(at, None),)
    event = AnchorEvidence("event", "E-1", at, at.date(), since, (), since, stands=since, target=ALWAYS)
    found = ask(
        replace(EVIDENCE, anchors=(event,)),
        anchor={"event": "viewed"},
        source="event",
        backfill_as_of="due_date",
        zero_day="same_day",
        steps=[{"offset_days": 0, "content": "sample/step_1"}],
    )
    told = [check.wording for check in found.anchors[0].conditions if check.name == "judged_at"]
    assert told == ([f"entry is judged as of {judged} (backfill_as_of: due_date)"] if judged else [])
    assert found.verdict is EntryVerdict.MAY_ENTER


def test_who_is_in_and_whose_first_step_is_outside_a_period_that_was_moved_is_told_what_becomes_of_it():
    waiting = entered(anchor_date=date(2026, 3, 7), state="active", exited_at=None)
    evidence = replace(EVIDENCE, enrolments=(waiting,))
    assert ask(evidence).next == "nothing: the first step is planned on its day"
    for period in ({"to": "2026-03-12"}, {"from": "2026-03-14"}):
        told = ask(evidence, period=period).next
        assert told.startswith("step 1 is due on 2026-03-13, which is outside the scenario's period by now")


@pytest.mark.parametrize(
    ("settings", "on", "told"),
    [
        ({"status": "disabled"}, None, "step 1 is due on 2026-03-13, but the scenario is disabled; the scenario would"),
        ({"status": "disabled", "disable_mode": "drain"}, None, "nothing: the first step is planned on its day"),
        (
            {"steps": [{"offset_days": 6, "content": "sample/step_1", "state": "force_stopped"}]},
            None,
            "step 1 is stopped by force: the next plan ends this without a message",
        ),
        # a coming day's plan is there by then
        ({"past_date_policy": "skip"}, "2026-03-14", "nothing: the first step is planned on its day"),
    ],
)
def test_who_waits_for_the_first_step_is_told_what_becomes_of_it(settings: dict[str, Any], on: str | None, told: str):
    waiting = entered(anchor_date=date(2026, 3, 7), state="active", exited_at=None)
    assert ask(replace(EVIDENCE, enrolments=(waiting,)), on, **settings).next.startswith(told)


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("skip", "the next plan ends this without a message"),
        ("hold", "its row would wait for a release"),
        ("send_now", "its row would go out at once"),
    ],
)
def test_whose_first_step_was_not_planned_on_its_day_is_told_what_becomes_of_it(policy: str, told: str):
    waiting = entered(anchor_date=date(2026, 3, 1), state="active", exited_at=None)
    found = ask(replace(EVIDENCE, enrolments=(waiting,)), past_date_policy=policy)
    assert found.next == f"step 1 was due on 2026-03-07: {told}"


def test_a_past_due_date_says_what_becomes_of_the_row():
    assert "its row would wait for a release" in ask(EVIDENCE, on="2026-03-09").next
    skipped = ask(EVIDENCE, on="2026-03-09", past_date_policy="skip")
    assert skipped.verdict is EntryVerdict.KEPT_OUT
    assert "left out" in skipped.first_failing


def test_the_record_comes_before_the_conditions():
    found = ask(replace(EVIDENCE, duplicate_status="on_hold", anchors=(replace(ANCHOR, entry=(), may_enter=()),)))
    assert found.first_failing == "the record is on hold in duplicate management"
    assert "confirmed" in found.next


def test_the_conditions_come_before_the_scenarios_status_and_that_before_the_rest():
    stopped = replace(ANCHOR, stop=ALWAYS, may_enter=(), frames={("stop", 1): ALWAYS})
    stop = FrameEvidence("stop", 1, {"type": "order"}, (Fact("O-9", Span(NOW, None)),), since_anchor=True)
    evidence = replace(EVIDENCE, anchors=(stopped,), frames=(BOUGHT, stop), enrolments=(entered(),))
    settings = {"stop": {"frames": [{"type": "order"}]}, "status": "disabled"}
    found = ask(evidence, **settings)
    assert found.first_failing == ("ordered: order O-1: a stop condition holds, because of an order after the anchor")
    assert found.next == "order O-9 would have to be cancelled"
    assert (
        ask(replace(EVIDENCE, enrolments=(entered(),)), status="disabled").first_failing == "the scenario is disabled"
    )


@pytest.mark.parametrize(
    ("begins", "ends", "told"),
    [
        # the day gone by was planned at 06:00
        ("2026-03-08T06:00", "2026-03-09T00:00", "a stop condition held at 2026-03-08 06:00, because of an order"),
        ("2026-03-08T06:01", None, "a stop condition holds, because of an order"),
        ("2026-03-08T06:01", "2026-03-09T00:00", None),
    ],
)
def test_a_stop_of_the_day_gone_by_as_of_which_entry_is_judged_keeps_out(
    begins: str, ends: str | None, told: str | None
):
    instants = [datetime.fromisoformat(each).replace(tzinfo=ZONE) if each else None for each in (begins, ends)]
    span = Span(*instants)
    stop = {"type": "order"}
    frame = FrameEvidence("stop", 1, stop, (Fact("O-9", span),), since_anchor=True)
    stopped = replace(ANCHOR, stop=(span,), frames={("stop", 1): (span,)})
    evidence = replace(EVIDENCE, anchors=(stopped,), frames=(BOUGHT, frame))
    found = ask(evidence, on="2026-03-20", stop={"frames": [stop]}, backfill_as_of="due_date")
    assert found.first_failing == (f"ordered: order O-1: {told} after the anchor" if told else None)
    assert (found.verdict is EntryVerdict.MAY_ENTER) == (told is None)
    then, now = (check for check in found.anchors[0].conditions if check.name.startswith("stop"))
    assert (then.wording == "no stop condition held at 2026-03-08 06:00", now.wording == "no stop condition holds") == (
        "held" not in (told or ""),
        "holds" not in (told or ""),
    )
    if "held" in (told or ""):
        # no cancellation changes by now what held then
        assert found.next == "needs a later anchor"


def test_a_cancelled_anchor_needs_a_new_order():
    cancelled = replace(ANCHOR, stands=(Span(ORDERED, NOW - timedelta(days=1)),), may_enter=())
    found = ask(replace(EVIDENCE, anchors=(cancelled,)))
    assert found.first_failing == "ordered: order O-1: the anchor does not stand any more"
    assert found.next == "needs a new order: order O-1 does not stand any more"


def test_an_order_that_completes_the_target_only_because_another_was_cancelled_since_says_so():
    since_cancellation = (Span(NOW - timedelta(days=1), None),)
    later = replace(ANCHOR, judged_at=ORDERED - timedelta(days=1), recounted=since_cancellation)
    checks = {check.name: check for check in ask(replace(EVIDENCE, anchors=(later,))).anchors[0].conditions}
    assert checks["target_when_ordered"].passes
    assert checks["target_when_ordered"].wording.endswith(", without the orders cancelled since")


def test_an_order_that_no_longer_completes_the_target_is_no_anchor_any_more():
    until_cancellation = (Span(ORDERED, NOW - timedelta(days=1)),)
    cancelled = replace(ANCHOR, recounted=until_cancellation, may_enter=until_cancellation)
    found = ask(replace(EVIDENCE, anchors=(cancelled,)))
    assert "did not hold yet as the order came in" in found.first_failing
    assert "without the orders cancelled since" in found.first_failing


def test_conditions_that_come_back_by_themselves_say_when():
    later = (Span(datetime(2026, 12, 1, tzinfo=ZONE), None),)
    back = replace(ANCHOR, target=later, may_enter=later, judged_at=None)
    found = ask(replace(EVIDENCE, anchors=(back,), frames=(replace(BOUGHT, held=later),)))
    assert "its conditions hold from 2026-12-01 00:00, if nothing else happens" in found.next


def test_the_anchor_that_comes_furthest_is_named():
    cancelled = replace(ANCHOR, key="O-2", at=ORDERED + timedelta(days=1), stands=(), may_enter=())
    found = ask(replace(EVIDENCE, anchors=(cancelled, ANCHOR)), on="2026-03-20", look_back_days=2)
    assert found.first_failing.startswith("ordered: order O-1: step 1's due date 2026-03-08 is more than 2 days before")
    assert [anchor.key for anchor in found.anchors] == ["O-2", "O-1"]


def test_without_an_anchor_the_orders_that_were_looked_at_are_listed():
    evidence = Evidence("C1", "confirmed", (replace(BOUGHT, facts=(), held=()),))
    evidence = replace(evidence, candidates=(Candidate("O-1", ORDERED, ("target",)),))
    found = ask(evidence)
    assert found.first_failing == "no anchor: of 1 order none is one"
    assert found.next == "needs an order of A"
    assert found.no_anchors[0].reasons == ("it holds nothing that the target asks for",)


def test_an_order_that_only_lacks_its_date_is_named():
    evidence = Evidence("C1", "confirmed", (BOUGHT,), candidates=(Candidate("O-1", ORDERED, ("paid",)),))
    assert ask(evidence, anchor="paid").next == "order O-1 would have to be paid"


def test_who_is_in_is_said_to_be_in_whatever_holds_now():
    running = entered(state="active", exited_at=None)
    found = ask(replace(EVIDENCE, anchors=(), enrolments=(running,)))
    assert (found.verdict, found.first_failing) == (EntryVerdict.ENTERED, None)
    assert found.sentence == "is in the scenario since 2026-02-24 12:00, by ordered: order O-0"


@pytest.mark.parametrize(
    ("settings", "earlier", "keeps_out"),
    [
        ({}, {}, True),
        ({"reentry": "after_exit"}, {}, False),
        ({"reentry": "after_exit"}, {"exited_at": ORDERED}, True),
        # noticed after the order, but the stop had begun before it
        ({"reentry": "after_exit"}, {"exited_at": NOW, "left_at": ORDERED - timedelta(hours=1)}, False),
        ({"reentry": "per_anchor"}, {}, False),
        ({"reentry": "per_anchor"}, {"anchor_key": "O-1"}, True),
        ({"reentry": "per_anchor"}, {"state": "stopped", "exit_reason": "blocked"}, True),
        ({"reentry": "after_exit", "on_retrigger": "restart"}, {"exited_at": ORDERED}, False),
        ({"reentry": "after_exit", "on_retrigger": "restart"}, {"anchor_at": ORDERED}, True),
        (
            {"reentry": "after_exit", "on_retrigger": "restart"},
            {"state": "stopped", "exit_reason": "stop_condition", "exited_at": ORDERED},
            True,
        ),
        # what came later than the instant that is asked about is not known yet
        ({}, {"entered_at": NOW + timedelta(days=1), "exited_at": None}, False),
    ],
)
def test_earlier_enrolments_keep_out_as_the_reentry_rule_says(settings, earlier, keeps_out):
    found = ask(replace(EVIDENCE, enrolments=(entered(**earlier),)), **settings)
    assert (found.verdict is EntryVerdict.KEPT_OUT) == keeps_out
    if keeps_out:
        assert "entered 2026-02-24 12:00" in found.first_failing


@pytest.mark.parametrize(
    ("days_later", "rule"), [(1, "the customer was blocked in this scenario"), (-1, "this anchor entered already")]
)
def test_of_a_block_and_an_entry_by_the_same_anchor_the_later_is_told(days_later: int, rule: str):
    own = entered(anchor_key="O-1")
    blocked = entered(
        enrolment_id=2, entered_at=own.entered_at + timedelta(days=days_later), state="stopped", exit_reason="blocked"
    )
    enrolments = tuple(sorted((own, blocked), key=lambda enrolment: enrolment.entered_at))
    found = ask(replace(EVIDENCE, enrolments=enrolments), reentry="per_anchor")
    assert f"order O-1: {rule}: entered " in found.first_failing


@pytest.mark.parametrize(
    ("mine", "theirs", "keeps_out"), [(1, 2, False), (2, 2, True), (3, 2, True), (None, 2, True), (1, None, False)]
)
def test_exclusive_scenarios_give_way_to_what_is_as_good(mine, theirs, keeps_out):
    evidence = replace(EVIDENCE, rivals=(Rival("other", theirs, ORDERED),))
    found = ask(evidence, multi_delivery=False, priority=mine)
    assert (found.verdict is EntryVerdict.KEPT_OUT) == keeps_out
    assert ask(evidence).verdict is EntryVerdict.MAY_ENTER


def test_a_period_that_is_over_lets_nobody_in():
    found = ask(EVIDENCE, period={"from": "2026-01-01", "to": "2026-02-01"})
    assert found.next == "nothing: the period is over by then"


def test_a_coming_instant_is_called_a_forecast():
    assert any("forecast" in note for note in ask(EVIDENCE, on="2026-03-20").notes)
    assert ask(EVIDENCE, on=datetime(2026, 3, 7, tzinfo=UTC).isoformat()).notes == ()

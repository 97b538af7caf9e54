"""Of many anchors only those that matter are explained, and the answer is the same as with all of them."""

from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from rich.console import Console

from ekiden.insights.explanation.checks import (
    FACTS_SINCE_ANCHOR,
    condition_checks,
    conditions_passed,
    frame_states,
)
from ekiden.insights.explanation.choice import FEW_ANCHORS
from ekiden.insights.explanation.evidence import AnchorEvidence, Enrolment, Evidence, Fact, FrameEvidence, Span
from ekiden.insights.explanation.explain import Explanation, explain
from ekiden.insights.explanation.tree import explanation_tree
from ekiden.insights.moments import moment
from tests.unit.insights.test_explanation import ALWAYS, BOUGHT, NOW, ORDERED, ZONE, asked, entered

ORDERS = 100
STOP = {"type": "order"}
SETTINGS = {"stop": {"frames": [STOP]}, "reentry": "per_anchor", "look_back_days": 2}
FACTS = tuple(Fact(f"O-{number}", Span(ORDERED - timedelta(days=number), None)) for number in range(ORDERS, 0, -1))


def anchor(number: int, *, stopped: bool = True) -> AnchorEvidence:
    at = ORDERED - timedelta(days=number)
    since = (Span(at, None),)
    stop = ALWAYS if stopped else ()
    may_enter = () if stopped else since
    return AnchorEvidence(
        "ordered", f"O-{number}", at, at.date(), since, stop, may_enter, at, since, since, frames={("stop", 1): stop}
    )


def regular(*, open_anchors: tuple[int, ...] = ()) -> Evidence:
    """A customer of many orders, each an anchor; all but these are stopped by a later order."""
    frames = (replace(BOUGHT, facts=FACTS), FrameEvidence("stop", 1, STOP, FACTS, since_anchor=True))
    anchors = tuple(anchor(number, stopped=number not in open_anchors) for number in range(ORDERS, 0, -1))
    return Evidence("C1", "confirmed", frames, anchors=anchors)


def ask(evidence: Evidence, *, everything: bool = False) -> Explanation:
    return explain(asked(**SETTINGS), evidence, moment(None, now=NOW, zone=ZONE), ZONE, everything=everything)


def drawn(explanation: Explanation, *, everything: bool = False) -> str:
    console = Console(file=StringIO(), width=200)
    console.print(explanation_tree(explanation, ZONE, everything=everything))
    return console.file.getvalue()


def test_the_latest_those_that_hold_and_those_that_entered_are_explained_and_the_rest_is_counted():
    evidence = replace(regular(open_anchors=(50, 40)), enrolments=(entered(anchor_key="O-30"),))
    found = ask(evidence)
    assert [each.key for each in found.anchors] == ["O-1", "O-30", "O-40", "O-50"]
    assert found.folded_anchors == 96
    assert "and 96 other anchors that decide nothing now; `ekiden why --all` shows them" in drawn(found)
    everything = ask(evidence, everything=True)
    assert (len(everything.anchors), everything.folded_anchors) == (ORDERS, 0)
    assert "other anchors" not in drawn(everything, everything=True)


def test_the_answer_does_not_depend_on_what_is_folded():
    for evidence in (regular(), regular(open_anchors=(1,)), regular(open_anchors=(70, 2))):
        folded, everything = ask(evidence), ask(evidence, everything=True)
        for part in ("verdict", "sentence", "first_failing", "next"):
            assert getattr(folded, part) == getattr(everything, part)


class Counted(tuple[Enrolment, ...]):
    """Enrolments that count how often one of them is looked at."""

    looked_at = 0

    def __iter__(self):
        for enrolment in super().__iter__():
            self.looked_at += 1
            yield enrolment

    def __reversed__(self):
        for place in reversed(range(len(self))):
            self.looked_at += 1
            yield self[place]


def test_what_entered_is_not_looked_through_for_every_anchor_that_enters_by_itself():
    anchors = range(ORDERS, 0, -1)
    enrolments = Counted(entered(anchor_key=f"O-{number}", enrolment_id=ORDERS - number) for number in anchors)
    found = ask(replace(regular(open_anchors=tuple(anchors)), enrolments=enrolments))
    assert found.first_failing.startswith("ordered: order O-1: this anchor entered already: ")
    assert enrolments.looked_at < 10 * ORDERS


def test_few_anchors_are_all_explained():
    evidence = regular()
    found = ask(replace(evidence, anchors=evidence.anchors[-FEW_ANCHORS:]))
    assert (len(found.anchors), found.folded_anchors) == (FEW_ANCHORS, 0)


def test_the_facts_after_an_anchor_are_the_latest_ones_and_the_rest_is_counted():
    oldest = ask(regular(open_anchors=(ORDERS,))).anchors[-1]
    (frame,) = [child for check in oldest.conditions if check.name == "stop" for child in check.children]
    assert (len(frame.facts), frame.facts[-1].key) == (FACTS_SINCE_ANCHOR, "O-1")
    assert frame.earlier_facts == ORDERS - 1 - FACTS_SINCE_ANCHOR


@pytest.mark.parametrize("days", [-1, 0, 3])
@pytest.mark.parametrize("is_by_hand", [True, False])
@pytest.mark.parametrize("entry_days", [None, 1, -4])
@pytest.mark.parametrize(
    "spans",
    [
        {},
        {"stands": ()},
        {"target": ()},
        {"excluded": ALWAYS},
        {"stop": ALWAYS},
        # then alone, and by now alone
        {"stop": (Span(None, anchor(1).at + timedelta(days=2)),)},
        {"stop": (Span(anchor(1).at + timedelta(days=2), None),)},
    ],
)
def test_counting_the_conditions_that_pass_agrees_with_explaining_them(spans, entry_days, is_by_hand, days):
    evidence = replace(regular(), is_by_hand=is_by_hand, subscribed=ALWAYS if "excluded" in spans else None)
    judged = replace(anchor(1, stopped=False), **spans)
    at = judged.at + timedelta(days=days)
    entry_at = at if entry_days is None else judged.at + timedelta(days=entry_days)
    checks = condition_checks(evidence, frame_states(evidence, at), judged, at, ZONE, entry_at)
    by_name: dict[str, bool] = {}
    for check in checks:
        # of which instant entry is judged is told, and decides nothing
        if check.name != "judged_at":
            # the stop of two instants is one
            name = check.name.removesuffix("_then")
            by_name[name] = check.passes is not False and by_name.get(name, True)
    passes = list(by_name.values())
    passed = passes.index(False) if False in passes else len(passes)
    assert conditions_passed(evidence, judged, at, entry_at) == (passed, passed == len(passes))

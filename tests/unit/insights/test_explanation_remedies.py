"""What would have to happen: which frames, how many orders, which cancellations."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiden.insights.explanation.evidence import Fact, FrameEvidence, Span
from ekiden.insights.explanation.remedies import FrameState, fold, least_changes, remedy

ZONE = ZoneInfo("Asia/Tokyo")
AT = datetime(2026, 3, 8, 9, tzinfo=ZONE)
A = {"type": "product", "codes": ["A"]}


def frame_state(held: bool, relation: str = "and", counting: int = 0, spans: Any = (), **written: Any) -> FrameState:
    facts = tuple(Fact(f"order-{number}", Span(AT - timedelta(days=1), None)) for number in range(1, counting + 1))
    return FrameState(FrameEvidence("target", 1, {**A, **written}, facts), relation, held, spans, facts)


def flipped(states: list[FrameState], changed: tuple[int, ...]) -> list[FrameState]:
    return [
        FrameState(state.frame, state.relation, state.held != (index in changed), state.spans)
        for index, state in enumerate(states)
    ]


def test_frames_are_joined_from_left_to_right():
    a, b, c = frame_state(False), frame_state(True, "or"), frame_state(False, "and")
    assert fold([a, b], when_empty=False)
    assert not fold([a, b, c], when_empty=False)
    assert fold([frame_state(False, "not")], when_empty=False)
    assert fold([], when_empty=True)


def test_one_frame_is_named_where_one_is_enough_and_each_alternative():
    assert least_changes([frame_state(True), frame_state(False)], True) == [(1,)]
    assert least_changes([frame_state(False), frame_state(False, "or")], True) == [(0,), (1,)]
    assert least_changes([frame_state(True)], True) == []


def test_what_nobody_can_undo_is_no_alternative_to_what_one_can():
    bought, clicked = frame_state(True), frame_state(True, "or", type="event", codes=["clicked"])
    both = [frame_state(True), frame_state(True, "and", type="event", codes=["clicked"])]
    assert least_changes(both, False) == [(0,)]
    assert least_changes([bought, clicked], False) == [(0, 1)]


relations = st.sampled_from(["and", "or", "not"])


@given(st.lists(st.tuples(st.booleans(), relations), min_size=1, max_size=7), st.booleans())
def test_the_changes_do_it_and_no_fewer_would(frames: list[tuple[bool, str]], wanted: bool):
    states = [frame_state(held, relation) for held, relation in frames]
    found = least_changes(states, wanted)
    if not found:
        assert fold(states, when_empty=wanted) == wanted
        return
    for changed in found:
        assert fold(flipped(states, changed), when_empty=wanted) == wanted
    fewest = len(found[0])
    for size in range(fewest):
        for changed in combinations(range(len(states)), size):
            assert fold(flipped(states, changed), when_empty=wanted) != wanted


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (frame_state(False), "needs an order of A"),
        (frame_state(False, count={"op": "gte", "n": 3}, counting=1), "needs 2 more orders of A"),
        (frame_state(False, count={"op": "eq", "n": 2}, counting=1), "needs 1 more order of A"),
        (
            frame_state(False, count={"op": "eq", "n": 1}, counting=3),
            "2 of the orders order-1, order-2 and order-3 would have to be cancelled",
        ),
        (frame_state(False, count={"op": "lte", "n": 2}), "needs 1 more order of A"),
        (frame_state(True, counting=1), "order order-1 would have to be cancelled"),
        (frame_state(True, counting=2), "orders order-1 and order-2 would have to be cancelled"),
        (
            frame_state(True, count={"op": "gte", "n": 2}, counting=3),
            "2 of the orders order-1, order-2 and order-3 would have to be cancelled",
        ),
        (frame_state(True, count={"op": "lte", "n": 2}, counting=1), "ends with 2 more orders of A"),
        (frame_state(True, type="event", codes=["clicked"], counting=1), "nothing undoes the event clicked"),
        (frame_state(False, type="segment", codes=["vip"]), "needs a membership of segment vip"),
        (
            frame_state(False, type="member", member={"address": {"contains": "東京"}}),
            "the customer would have to be a member with address contains 東京",
        ),
    ],
)
def test_a_frame_says_what_would_turn_it(state: FrameState, said: str):
    assert remedy(state, AT, ZONE) == said


def test_what_time_alone_brings_comes_before_what_people_must_do():
    later = Span(AT + timedelta(days=1), None)
    assert remedy(frame_state(False, spans=(later,)), AT, ZONE) == "frame 1 holds by itself from 2026-03-09 09:00"
    until = Span(None, AT + timedelta(days=1))
    assert remedy(frame_state(True, spans=(until,)), AT, ZONE) == "frame 1 ends by itself on 2026-03-09 09:00"


def test_what_would_have_to_become_of_orders_is_what_the_scenario_does_not_count():
    def needed(*statuses: str) -> str:
        state = frame_state(True, counting=1)
        return remedy(replace(state, frame=replace(state.frame, uncounted=statuses)), AT, ZONE)

    assert needed("cancelled") == "order order-1 would have to be cancelled"
    assert needed("cancelled", "returned") == "order order-1 would have to be cancelled or returned"
    assert needed() == "nothing undoes the order of A"

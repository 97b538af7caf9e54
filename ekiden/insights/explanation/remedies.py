"""What would have to happen for conditions to come out otherwise. Pure; no wording of the tree and no query is here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from ekiden.counting import in_number
from ekiden.insights.explanation.evidence import Fact, FrameEvidence, Spans, next_beginning
from ekiden.insights.explanation.wording import ORDER_FRAMES, first_few, listed, local, one_more

HARD = 1_000
"""What it costs to undo what nobody can undo: more than any number of the changes that can be made."""


@dataclass(frozen=True)
class FrameState:
    """A frame at an instant: its relation to what stands before it, whether it holds, and what counts for it."""

    frame: FrameEvidence
    relation: str
    held: bool
    spans: Spans
    counting: tuple[Fact, ...] = ()


def fold(states: Sequence[FrameState], *, when_empty: bool) -> bool:
    """Return whether the frames hold together, folded left to right (R-100i)."""
    if not states:
        return when_empty
    result = states[0].held != (states[0].relation == "not")
    for state in states[1:]:
        result = _joined(result, state.relation, state.held)
    return result


def least_changes(states: Sequence[FrameState], wanted: bool) -> list[tuple[int, ...]]:
    """Return which frames would have to change for the fold to come out as `wanted`.

    One frame where one is enough, each as an alternative; else the one cheapest set. Nothing where it does already.
    """
    if fold(states, when_empty=wanted) == wanted:
        return []
    alone: list[tuple[int, ...]] = [
        (index,)
        for index, state in enumerate(states)
        if fold([*states[:index], _turned(state), *states[index + 1 :]], when_empty=wanted) == wanted
    ]
    possible = [index for index in alone if _cost(states[index[0]]) < HARD]
    if alone:
        return possible or alone
    return [_cheapest(states, wanted)]


def _cheapest(states: Sequence[FrameState], wanted: bool) -> tuple[int, ...]:
    """Return the cheapest set of changes: for each outcome of the frames so far, the least that it takes."""
    best: dict[bool, tuple[int, tuple[int, ...]]] = {}
    for index, state in enumerate(states):
        reached: dict[bool, tuple[int, tuple[int, ...]]] = {}
        for held, more, change in ((state.held, 0, ()), (not state.held, _cost(state), (index,))):
            outcomes = (
                [(_joined(left, state.relation, held), *way) for left, way in best.items()]
                if index
                else [(held != (state.relation == "not"), 0, ())]
            )
            for result, cost, changed in outcomes:
                if result not in reached or cost + more < reached[result][0]:
                    reached[result] = (cost + more, (*changed, *change))
        best = reached
    return best[wanted][1]


def _joined(left: bool, relation: str, held: bool) -> bool:
    match relation:
        case "or":
            return left or held
        case "not":
            return left and not held
        case _:
            return left and held


def _turned(state: FrameState) -> FrameState:
    return FrameState(state.frame, state.relation, not state.held, state.spans, state.counting)


def _cost(state: FrameState) -> int:
    kind = state.frame.written["type"]
    lasts = kind in {"event", "subscription_cancelled", "scenario"} or (
        kind in ORDER_FRAMES and not state.frame.uncounted
    )
    return HARD if state.held and lasts else 1


def remedy(state: FrameState, at: datetime, zone: ZoneInfo) -> str:
    """Return what would turn one frame to the other side."""
    return _to_end(state, at, zone) if state.held else _to_begin(state, at, zone)


def _to_begin(state: FrameState, at: datetime, zone: ZoneInfo) -> str:
    if begins := next_beginning(state.spans, at):
        return f"{_alone(state)} holds by itself from {local(begins, zone)}"
    written = state.frame.written
    thing = _thing(state)
    count = written.get("count")
    now = len(state.counting)
    if written["type"] == "member":
        return f"the customer would have to be a {thing}"
    if count is None:
        return f"needs {'a new' if state.frame.facts else _article(thing)} {thing}"
    n = int(count["n"])
    if now > n and count["op"] in {"eq", "lte"}:
        return _undone(state, now - n)
    missing = 1 if count["op"] == "lte" else n - now
    return f"needs {missing} more {_plural(thing, missing)}"


def _to_end(state: FrameState, at: datetime, zone: ZoneInfo) -> str:
    ends = next((span.ends for span in state.spans if span.holds(at)), None)
    if ends and ends > at:
        return f"{_alone(state)} ends by itself on {local(ends, zone)}"
    written = state.frame.written
    count = written.get("count")
    now = len(state.counting)
    if count and count["op"] == "eq":
        return f"ends with 1 more {_thing(state)}"
    if count and count["op"] == "lte":
        more = int(count["n"]) - now + 1
        return f"ends with {more} more {_plural(_thing(state), more)}"
    return _undone(state, now - int(count["n"]) + 1 if count else now)


def _undone(state: FrameState, number: int) -> str:
    """Return what it takes that `number` of the things that count no longer do."""
    keys = [fact.key for fact in state.counting]
    kind = state.frame.written["type"]
    if kind in ORDER_FRAMES and state.frame.uncounted:
        end = listed(state.frame.uncounted)
        if number == len(keys):
            return f"{in_number(number, 'order')} {first_few(keys)} would have to be {end}"
        return f"{number} of the orders {first_few(keys)} would have to be {end}"
    match kind:
        case "member":
            return f"the customer would have to be no {_thing(state)}"
        case "segment" | "list":
            return f"the customer's {_thing(state)} would have to end"
        case _:
            return f"nothing undoes the {_thing(state)}"


def _thing(state: FrameState) -> str:
    return one_more(state.frame.written, state.frame.in_one_order)


def _alone(state: FrameState) -> str:
    return f"frame {state.frame.number}"


def _article(thing: str) -> str:
    return "an" if thing[0] in "aeiou" else "a"


def _plural(thing: str, number: int) -> str:
    noun, _, rest = thing.partition(" ")
    return f"{in_number(number, noun)} {rest}".strip()

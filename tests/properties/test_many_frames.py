"""As many frames as a definition may have: the answer is the same, and the planner bears them.

Belongs here: what depends on the number of frames. Does not belong here: the meaning of one (`test_eligibility`).
"""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import words
from tests.properties.comparison import Case
from tests.properties.database import READINGS, Scratch
from tests.properties.definitions import definitions
from tests.properties.histories import histories
from tests.properties.history import Customer, History, Order
from tests.properties.profile import profile

MOST_FRAMES = 99
"""Of a section; what a definition may have."""
ENOUGH_TO_BE_MANY = 13
"""More than `has_many_frames` calls few."""
NEVER = {"type": "list", "codes": ["nowhere"], "relation": "or"}
START = words.start_of(words.FIRST_DAY)
PATIENCE = "10s"
"""Many times what an answer takes, and a third of what planning took where it grew with the square of the frames."""

KINDS: tuple[dict[str, Any], ...] = (
    {"type": "member", "member": {"age": {"from": 20, "to": 60}}},
    {"type": "member", "member": {"last_ordered_days_ago": {"from": 1, "to": 60}}},
    {"type": "member", "member": {"newsletter": "both"}},
    {"type": "category", "codes": ["K"], "within_days": 30},
    {"type": "product", "codes": ["A"], "count": {"op": "gte", "n": 2}},
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    definition = draw(definitions())
    return Case(definition, draw(histories(definition)))


@profile(share=0.1)
@given(case=cases())
def test_any_number_of_frames_that_never_hold_changes_nothing(scratch: Scratch, case: Case) -> None:
    exclusion = case.definition.get("exclusion", {})
    frames = [*exclusion.get("frames", []), *[NEVER] * ENOUGH_TO_BE_MANY]
    many = {**case.definition, "exclusion": exclusion | {"frames": frames}}
    names = [customer.customer_id for customer in case.history.customers]
    with scratch.holding(case.history):
        for reading in READINGS:
            few = scratch.ask(case.definition, reading, names)
            assert scratch.ask(many, reading, names) == few, f"{reading}: {case!r}"


@pytest.mark.parametrize("scope", ["customer", "same_order"])
def test_functions_answer_about_one_customer_of_the_most_frames_there_may_be(scratch: Scratch, scope: str) -> None:
    definition = {"code": words.SCENARIO, "anchor": "ordered"} | {
        section: {"and_scope": scope, "frames": _most_frames(section, scope)}
        for section in ("target", "exclusion", "stop")
    }
    orders = tuple(Order(f"o{day}", START + timedelta(days=day), ("A",)) for day in range(6))
    history = History((Customer("c1", START, birth_date=date(1990, 3, 1), orders=orders),), words.SHOP)
    create = [
        scratch.project.call(f"create_{kind}_function", f"public.{kind}", definition) for kind in ("live", "explain")
    ]
    with scratch.holding(history):
        for statement in create:
            scratch.connection.execute(statement)
        scratch.connection.execute(f"set local statement_timeout = '{PATIENCE}'")
        answered = scratch.connection.execute("select anchor_key from public.live(array['c1'])").fetchall()
        explained = scratch.connection.execute(
            "select anchor_key from public.explain(array['c1']) where anchor_key is not null"
        ).fetchall()
    assert sorted(answered) == sorted(explained) == [(order.order_id,) for order in orders]


def _most_frames(section: str, scope: str) -> list[dict[str, Any]]:
    """Return frames of kinds that take turns; of a stop, those that count do so since the anchor."""
    since = {"since": "anchor"} if section == "stop" else {}
    # what must hold in one order does so in one run of all
    kinds, relation = (KINDS, "or") if scope == "customer" else (KINDS[-2:], "and")
    frames = [kinds[number % len(kinds)] for number in range(MOST_FRAMES)]
    return [
        frame | (since if "count" in frame else {}) | ({"relation": relation} if number else {})
        for number, frame in enumerate(frames)
    ]

"""What must hold of any definition and history, whatever the definition means.

Belongs here: laws between answers. Does not belong here: the meaning of one definition (`test_eligibility`).
"""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.multirange import TimestamptzMultirange

from tests.properties.comparison import Case
from tests.properties.database import Answer, RowKey, Scratch
from tests.properties.definitions import definitions
from tests.properties.futures import MOMENT, with_later_facts
from tests.properties.histories import histories
from tests.properties.profile import profile

SECTIONS = ("target", "exclusion", "stop")


@st.composite
def cases(draw: st.DrawFn, relations: tuple[str, ...] = ("and", "or", "not")) -> Case:
    definition = draw(definitions(relations))
    return Case(definition, draw(histories(definition)))


@profile(share=0.5)
@given(case=cases())
def test_there_is_one_row_per_customer_and_anchor_and_nobody_enters_before_the_anchor(
    scratch: Scratch, case: Case
) -> None:
    with scratch.holding(case.history):
        answer = scratch.ask(case.definition, "everyone")  # refuses two rows of one customer and anchor
    for key, row in answer.items():
        early = [span for span in row.entry_during if span.lower is None or span.lower < row.anchor_at]
        assert not early, f"{case!r}\n{key}: entry {early} before {row.anchor_at}"


@profile(share=0.5)
@given(case=cases(), asked=st.sets(st.sampled_from(("c1", "c2", "c3", "nobody"))))
def test_asking_about_some_customers_answers_for_them_alone(scratch: Scratch, case: Case, asked: set[str]) -> None:
    with scratch.holding(case.history):
        everyone = scratch.ask(case.definition, "everyone")
        of_some = {reading: scratch.ask(case.definition, reading, sorted(asked)) for reading in ("given", "changed")}
    expected = {key: row for key, row in everyone.items() if key.customer_id in asked}
    assert of_some == {"given": expected, "changed": expected}, repr(case)


@profile(share=0.5)
@given(data=st.data(), case=cases(relations=("and",)))
def test_under_and_the_order_of_frames_does_not_matter(scratch: Scratch, data: st.DataObject, case: Case) -> None:
    shuffled = dict(case.definition)
    for name in SECTIONS:
        section = case.definition.get(name, {})
        if section.get("frames"):
            frames = data.draw(st.permutations(section["frames"]), label=name)
            shuffled[name] = section | {"frames": [{**frame, "relation": "and"} for frame in frames]}
    with scratch.holding(case.history):
        assert scratch.ask(case.definition, "everyone") == scratch.ask(shuffled, "everyone"), repr(case)


@profile(share=0.5)
@given(data=st.data(), definition=definitions())
def test_what_happens_later_changes_nothing_that_was(
    scratch: Scratch, data: st.DataObject, definition: dict[str, object]
) -> None:
    earlier = data.draw(histories(definition), label="history")
    later = data.draw(with_later_facts(earlier, definition), label="the same history, later")
    with scratch.holding(earlier):
        before = _until_the_moment(scratch.ask(definition, "everyone"))
    with scratch.holding(later):
        after = _until_the_moment(scratch.ask(definition, "everyone"))
    assert before == after, f"{Case(definition, earlier)!r}\nlater:{Case(definition, later)!r}"


def _until_the_moment(answer: Answer) -> dict[RowKey, tuple[object, ...]]:
    """Return what the answer says of the time before the moment; rows that say nothing of it are left out.

    An order may turn out later to have been the n-th: such a row let nobody in by then, and so could stop nobody.
    """
    told = {
        key: (row.anchor_at, row.anchor_date, _before(row.entry_during), _before(row.stop_during))
        for key, row in answer.items()
        if row.anchor_at < MOMENT
    }
    return {key: row for key, row in told.items() if row[2] or (row[3] and key.anchor_kind != "nth_purchase")}


def _before(spans: TimestamptzMultirange) -> list[tuple[datetime | None, datetime]]:
    return [
        (span.lower, min(span.upper or MOMENT, MOMENT)) for span in spans if span.lower is None or span.lower < MOMENT
    ]

"""A definition compiled to ranges says the same as the language run by hand, instant by instant."""

from collections.abc import Callable
from functools import reduce
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from ekiden.scenarios.definition import check
from ekiden.scenarios.options import OPTIONS
from tests.properties.comparison import Case, disagreements, report
from tests.properties.database import READINGS, Scratch
from tests.properties.definitions import definitions
from tests.properties.examples import EXAMPLES
from tests.properties.histories import histories
from tests.properties.profile import profile


def with_examples(test: Callable[..., None]) -> Callable[..., None]:
    return reduce(lambda decorated, case: example(case=case)(decorated), EXAMPLES, test)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    definition = draw(definitions())
    return Case(definition, draw(histories(definition)))


@profile()
@with_examples
@given(case=cases())
def test_every_reading_agrees_with_the_language_at_every_boundary_and_a_microsecond_around_it(
    scratch: Scratch, case: Case
) -> None:
    names = [customer.customer_id for customer in case.history.customers]
    with scratch.holding(case.history):
        answers = {reading: scratch.ask(case.definition, reading, names) for reading in READINGS}
    for reading, answer in answers.items():
        found = disagreements(case, answer)
        assert not found, report(case, found, reading)
    assert answers["everyone"] == answers["given"] == answers["changed"]


@profile()
@given(definition=definitions())
def test_what_is_drawn_here_is_what_the_language_allows(definition: dict[str, Any]) -> None:
    steps = {"steps": [{"offset_days": 1}]}
    assert check(definition | steps, options=OPTIONS).faults == ()

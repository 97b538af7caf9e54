from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ekiden.delivery.channels.sendgrid.bisect import Portion, first_alone, halves, portions_after_refusal


def test_a_refused_request_is_halved_and_a_named_recipient_goes_alone() -> None:
    portion = Portion(tuple(range(10, 15)))
    assert [one.positions for one in halves(portion)] == [(10, 11), (12, 13, 14)]
    assert [one.positions for one in portions_after_refusal(portion, [])] == [(10, 11), (12, 13, 14)]
    assert [one.positions for one in portions_after_refusal(portion, [2])] == [(12,), (10, 11, 13, 14)]
    assert [one.positions for one in first_alone(portion)] == [(10,), (11, 12, 13, 14)]


def test_names_that_do_not_suffice_do_not_cost_a_round_each() -> None:
    portion = Portion(tuple(range(5)), depth=1)
    assert [one.positions for one in portions_after_refusal(portion, [0])] == [(0,), (1, 2), (3, 4)]


@pytest.mark.parametrize("names", ["none", "first", "all", "wrong"])
@settings(max_examples=25)
@given(count=st.integers(1, 200), chosen=st.sets(st.integers(0, 199), max_size=8))
def test_only_the_guilty_fail_everybody_else_is_sent_once_and_few_requests_do(
    names: str, count: int, chosen: set[int]
) -> None:
    guilty = {position for position in chosen if position < count}
    waiting, sent, refused, requests = [Portion(tuple(range(count)))], Counter[int](), Counter[int](), 0
    while waiting:
        portion = waiting.pop()
        requests += 1
        found = [number for number, position in enumerate(portion.positions) if position in guilty]
        if not found:
            sent.update(portion.positions)
        elif len(portion.positions) == 1:
            refused.update(portion.positions)
        else:
            named = {"none": [], "first": found[:1], "all": found, "wrong": [len(portion.positions) - 1, 5_000]}[names]
            waiting += portions_after_refusal(portion, named)
    assert refused == dict.fromkeys(guilty, 1)
    assert sent == dict.fromkeys(set(range(count)) - guilty, 1)
    # a guilty one costs two requests for each time that 200 can be halved, or one for its name
    assert requests <= 1 + len(guilty) * (2 if names == "all" else 3 * 8)

"""Conditions, facts and spans in words."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ekiden.insights.explanation.evidence import Fact, Span
from ekiden.insights.explanation.wording import (
    fact_in_words,
    filter_in_words,
    first_few,
    frame_in_words,
    spans_in_words,
)

ZONE = ZoneInfo("Asia/Tokyo")
NOON = datetime(2026, 3, 2, 3, tzinfo=ZoneInfo("UTC"))
LATER = datetime(2026, 3, 6, 3, 0, 1, tzinfo=ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({"type": "product", "codes": ["A"]}, "an order of A"),
        ({"type": "product", "codes": ["A", "B", 3]}, "an order of A, B or 3"),
        ({"type": "product", "codes": list("ABCDEFG")}, "an order of A, B, C, D, E or 2 others"),
        ({"type": "product", "other_than": ["A"]}, "an order with a product other than A"),
        ({"type": "product", "codes": ["A"], "count": {"op": "gte", "n": 2}}, "at least 2 orders of A"),
        ({"type": "product", "codes": ["A"], "count": {"op": "eq", "n": 1}}, "exactly 1 order of A"),
        ({"type": "order", "count": {"op": "lte", "n": 4}, "within_days": 30}, "1 to 4 orders within 30 days"),
        ({"type": "category", "codes": ["酒"]}, "an order from category 酒"),
        ({"type": "event", "codes": ["viewed"], "products": ["A"]}, "an event viewed about A"),
        ({"type": "subscription_cancelled", "reasons": ["price"]}, "a cancelled subscription for price"),
        ({"type": "scenario"}, "an enrolment in any other scenario"),
        ({"type": "scenario", "codes": ["x"]}, "an enrolment in scenario x"),
        ({"type": "list", "codes": ["spring"]}, "an entry on list spring"),
        (
            {
                "type": "member",
                "member": {"age": {"from": 30, "to": 39}, "gender": "female", "rank": ["gold", "silver"]},
            },
            "a member with age from 30 to 39, gender female and rank gold or silver",
        ),
        ({"type": "member", "member": {"custom": {"size": {"from": 3}}}}, "a member with custom size from 3"),
    ],
)
def test_a_frame_is_read_aloud(frame, words):
    assert frame_in_words(frame) == words


def test_frames_of_one_order_are_read_as_one():
    a, b = {"type": "product", "codes": ["A"]}, {"type": "category", "codes": ["K"], "count": {"op": "gte", "n": 2}}
    other = {"type": "product", "other_than": ["A"]}
    run = (a, b, other)
    words = "order of A, together with one from category K, together with a product other than A"
    assert frame_in_words(a, in_one_order=run) == f"an {words}"
    assert frame_in_words(b, in_one_order=run) == f"at least 2 {words.replace('order', 'orders', 1)}"
    assert filter_in_words("target", {"target": {"and_scope": "same_order"}}).endswith("in one order")


def test_what_counts_from_the_anchor_says_so():
    assert frame_in_words({"type": "order"}, since_anchor=True) == "an order after the anchor"


def test_spans_are_local_and_say_what_is_open():
    assert spans_in_words((), ZONE) == "never"
    assert spans_in_words((Span(None, None),), ZONE) == "always"
    assert spans_in_words((Span(None, NOON), Span(LATER, None)), ZONE) == (
        "until 2026-03-02 12:00, since 2026-03-06 12:00:01"
    )
    assert spans_in_words((Span(NOON, LATER),), ZONE) == "2026-03-02 12:00 to 2026-03-06 12:00:01"


def test_a_fact_says_when_it_counts():
    assert fact_in_words(Fact("7", Span(NOON, None)), ZONE) == "7 of 2026-03-02 12:00"
    assert fact_in_words(Fact("7", Span(NOON, LATER)), ZONE).endswith(", until 2026-03-06 12:00:01")
    assert fact_in_words(Fact("7", None), ZONE) == "7, which never counts"


def test_many_keys_are_shortened():
    assert first_few(["1"]) == "1"
    assert first_few([str(number) for number in range(8)]) == "0, 1, 2, 3, 4 and 3 more"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("orders.kind", "its kind is not one_off"),
        ("orders.products", "it holds none of the products A or B"),
        ("orders.period", "it was not placed in from 2026-03-01"),
        ("site", "its site is not {braces}"),
        ("target", "it holds nothing that the target asks for"),
        ("paid", "it has no date of payment"),
        ("something new", "it does not pass something new"),
    ],
)
def test_a_filter_says_what_it_misses(name, words):
    written = {
        "orders": {"kind": "one_off", "products": ["A", "B"], "period": {"from": "2026-03-01"}},
        "site": "{braces}",
    }
    assert filter_in_words(name, written) == words

"""When frames hold: purchases, events, subscriptions, scenarios, segments and lists, and how long they count."""

import pytest

from tests.integration.warehouse.conftest import Warehouse
from tests.integration.warehouse.facts import day, midnight

EVER = None


def entry(warehouse: Warehouse, scenario: str, customer: str) -> list:
    """Return the spans of the only anchor, the registration."""
    return warehouse.entries(scenario, customer).get(customer, [])


def test_something_else_is_any_product_of_the_order_that_was_not_named(warehouse: Warehouse):
    assert entry(warehouse, "bought_something_else", "b_as_well") == [(day(1), EVER)]
    assert entry(warehouse, "bought_something_else", "two_lines") == [(day(1), EVER)]
    assert entry(warehouse, "bought_something_else", "b_cancelled") == [(day(5), day(7))]
    assert entry(warehouse, "bought_something_else", "thrice") == []


def test_frames_of_one_order_must_all_hold_in_it_and_the_anchor_order_too(warehouse: Warehouse):
    assert entry(warehouse, "a_and_b_in_one", "b_as_well") == [(day(1), EVER)]
    for customer in ("b_before", "b_after", "b_cancelled", "once"):
        assert entry(warehouse, "a_and_b_in_one", customer) == []
        assert warehouse.entries("a_with_b", customer) == {}
    assert warehouse.entries("a_with_b", "b_as_well") == {"b_as_well-1": [(day(1), EVER)]}


def test_a_scenario_says_with_which_statuses_orders_do_not_count(warehouse: Warehouse):
    assert entry(warehouse, "whatever_became_of_two", "second_cancelled") == [(day(2), EVER)]
    assert entry(warehouse, "whatever_became_of_two", "cancelled_at_an_unknown_time") == [(day(2), EVER)]
    # returned at a time, and at no time that is known
    assert entry(warehouse, "what_was_not_returned", "returned_later") == [(day(1), day(4))]
    assert entry(warehouse, "what_was_not_returned", "returned") == [(day(2), EVER)]
    assert entry(warehouse, "what_was_not_returned", "only_order_cancelled") == [(day(1), EVER)]
    assert warehouse.entries("second_of_a", "returned") == {"returned-2": [(day(2), EVER)]}
    assert warehouse.entries("second_of_a_that_stays", "returned") == {}


def test_days_within_which_an_order_counts_end_with_the_local_day(warehouse: Warehouse):
    assert entry(warehouse, "bought_lately", "once") == [(day(1), midnight(4))]
    assert entry(warehouse, "bought_today", "thrice") == [(day(n), midnight(n + 1)) for n in (1, 2, 3)]
    # placed in the last microsecond of one day and the first of the next: no gap, and gone at the second's end
    ((begins, ends),) = entry(warehouse, "bought_today", "at_midnight")
    assert (midnight(2) - begins).total_seconds() == pytest.approx(1e-6)
    assert ends == midnight(3)


def test_an_order_counts_no_longer_than_until_its_cancellation_within_its_days(warehouse: Warehouse):
    assert entry(warehouse, "bought_lately", "only_order_cancelled") == [(day(1), midnight(4))]
    assert entry(warehouse, "bought_lately", "second_cancelled") == [(day(1), day(4))]


def test_a_count_within_days_rises_and_falls(warehouse: Warehouse):
    assert entry(warehouse, "two_in_two_days", "thrice") == [(day(2), midnight(3)), (day(3), midnight(4))]
    assert entry(warehouse, "two_in_two_days", "once") == []


def test_events_may_be_about_a_product(warehouse: Warehouse):
    assert entry(warehouse, "viewed_b", "once") == [(day(3), EVER)]
    assert entry(warehouse, "viewed_twice", "once") == [(day(3), EVER)]


def test_the_end_of_a_subscription_is_told_by_product_and_reason(warehouse: Warehouse):
    assert entry(warehouse, "ended_a", "ended_subscriptions") == [(day(4), EVER)]
    assert entry(warehouse, "ended_for_a_reason", "ended_subscriptions") == [(day(6), midnight(7))]
    assert entry(warehouse, "ended_a", "subscriber_later") == [(day(6), EVER)]


def test_another_scenario_is_never_the_scenario_itself_nor_an_enrolment_that_was_removed(warehouse: Warehouse):
    assert entry(warehouse, "after_another_scenario", "enrolled") == [(day(3), EVER)]
    assert entry(warehouse, "after_that_scenario", "enrolled") == [(day(5), EVER)]
    assert entry(warehouse, "after_another_scenario", "once") == []


def test_of_several_segments_one_is_enough(warehouse: Warehouse):
    assert entry(warehouse, "in_a_segment", "vip") == [(day(0), EVER)]
    assert entry(warehouse, "in_a_segment", "once") == [(day(3), day(7))]
    assert entry(warehouse, "in_a_segment", "thrice") == []


def test_on_a_list_one_is_from_when_one_came_onto_it(warehouse: Warehouse):
    assert entry(warehouse, "on_the_list", "once") == [(day(2), EVER)]
    assert warehouse.stops("stopped_by_a_segment", "once") == {"once": [(day(2), EVER)]}


def test_a_stop_sees_what_came_strictly_after_its_anchor(warehouse: Warehouse):
    assert warehouse.stops("stopped_by_an_order", "thrice") == {
        "thrice-1": [(day(2), EVER)],
        "thrice-2": [(day(3), EVER)],
    }
    assert warehouse.stops("stopped_by_an_order", "second_cancelled") == {"second_cancelled-1": [(day(2), day(4))]}
    assert warehouse.stops("stopped_by_an_order", "b_cancelled") == {"b_cancelled-1": [(day(5), day(7))]}
    assert warehouse.stops("stopped_by_an_order_of_the_day", "thrice") == {
        "thrice-1": [(day(2), midnight(3)), (day(3), midnight(4))],
        "thrice-2": [(day(3), midnight(4))],
    }


def test_a_count_since_the_anchor_starts_with_it(warehouse: Warehouse):
    assert warehouse.stops("stopped_by_the_second_after_it", "thrice") == {"thrice-1": [(day(3), EVER)]}

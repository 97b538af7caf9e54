"""From when steps count: every kind of anchor, and what narrows anchors down."""

from datetime import datetime

import pytest

from tests.integration.warehouse.conftest import Warehouse
from tests.integration.warehouse.facts import CUSTOMERS, ZONE, day, midnight

EVER = None


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ("subscription_ended", {"ended_subscriptions-A": [(day(4), EVER)], "ended_subscriptions-B": [(day(6), EVER)]}),
        ("subscription_to_a_ended", {"ended_subscriptions-A": [(day(4), EVER)]}),
        ("subscription_ended_for_taste", {"ended_subscriptions-B": [(day(6), EVER)]}),
    ],
)
def test_the_end_of_a_subscription_is_an_anchor_by_its_product_and_reason(
    warehouse: Warehouse, scenario: str, expected: dict
):
    assert warehouse.entries(scenario, "ended_subscriptions") == expected


def test_the_second_purchase_is_the_second_order_whatever_else_was_bought(warehouse: Warehouse):
    assert warehouse.entries("second_of_a", "thrice") == {"thrice-2": [(day(2), EVER)]}
    assert warehouse.entries("second_of_a", "two_lines") == {}
    assert warehouse.entries("second_of_a", "b_after") == {}
    assert warehouse.entries("second_of_a", "cancelled_at_an_unknown_time") == {}


def test_a_cancellation_moves_the_next_purchase_up(warehouse: Warehouse):
    customer = "first_cancelled"
    assert warehouse.entries("first_of_a", customer) == {
        f"{customer}-1": [(day(1), day(4))],
        f"{customer}-2": [(day(4), EVER)],
    }
    assert warehouse.entries("second_of_a", customer) == {
        f"{customer}-2": [(day(2), day(4))],
        f"{customer}-3": [(day(4), EVER)],
    }


def test_filters_choose_among_the_nth_purchases_and_do_not_change_their_count(warehouse: Warehouse):
    # the second order is of another site
    assert warehouse.entries("second_of_a", "of_two_sites") == {"of_two_sites-2": [(day(2), EVER)]}
    assert warehouse.entries("second_of_a_of_the_site", "of_two_sites") == {}


def test_an_order_matches_by_its_own_site_and_a_member_by_the_members(warehouse: Warehouse):
    assert list(warehouse.entries("orders_of_the_site", "of_two_sites")) == ["of_two_sites-1"]
    assert list(warehouse.entries("orders_of_the_site", "of_no_site")) == ["of_no_site-1"]
    assert list(warehouse.entries("members_of_the_site", "of_two_sites")) == ["of_two_sites"]
    assert [name for name in CUSTOMERS if warehouse.entries("members_of_the_site", name)] == ["of_two_sites"]


def test_nothing_is_an_anchor_before_the_start_of_its_local_day(warehouse: Warehouse):
    assert list(warehouse.entries("orders_from_the_start", "thrice")) == ["thrice-2", "thrice-3"]
    # one was placed in the last microsecond of the day before, the other as the day began
    assert list(warehouse.entries("orders_from_the_start", "at_midnight")) == ["at_midnight-2"]


def test_who_is_in_a_segment_already_comes_in_at_the_start(warehouse: Warehouse):
    start = datetime(2026, 6, 10, tzinfo=ZONE)
    spans = list(warehouse.entries("lapsed_at_the_start", "came_back").values())
    assert spans == [[(start, day(150))], [(midnight(240), EVER)]]
    assert list(warehouse.entries("vip_at_the_start", "vip").values()) == [[(midnight(4), EVER)]]


def test_a_segment_that_keeps_no_spans_has_its_members_since_their_registration(warehouse: Warehouse):
    assert list(warehouse.entries("became_a_vip", "vip").values()) == [[(day(0), EVER)]]
    assert warehouse.entries("became_a_vip", "once") == {}


def test_an_anchor_order_holds_one_of_the_products_and_one_of_the_categories(warehouse: Warehouse):
    assert list(warehouse.entries("orders_with_a_and_b", "b_as_well")) == ["b_as_well-1"]
    assert warehouse.entries("orders_with_a_and_b", "b_after") == {}


def test_the_scenario_says_which_statuses_end_an_anchor(warehouse: Warehouse):
    assert warehouse.entries("unless_returned", "returned") == {"returned-2": [(day(2), EVER)]}
    assert warehouse.entries("unless_returned", "returned_later") == {"returned_later-1": [(day(1), day(4))]}
    assert warehouse.entries("unless_returned", "only_order_cancelled") == {"only_order_cancelled-1": [(day(1), EVER)]}
    for customer in ("returned_later", "only_order_cancelled", "once"):
        assert warehouse.entries("whatever_becomes_of_it", customer) == {f"{customer}-1": [(day(1), EVER)]}


def test_where_the_status_is_checked_again_the_same_instants_stop(warehouse: Warehouse):
    assert warehouse.stops("stopped_by_a_cancellation", "second_cancelled") == {"second_cancelled-2": [(day(4), EVER)]}
    assert warehouse.stops("stopped_by_a_cancellation", "returned_later") == {}
    assert warehouse.stops("stopped_by_a_return", "returned_later") == {"returned_later-1": [(day(4), EVER)]}
    # at an unknown time: always
    assert warehouse.stops("stopped_by_a_return", "returned") == {"returned-1": [(None, EVER)]}
    assert warehouse.stops("unless_returned", "returned_later") == {}

"""What the eligibility macros compile to, asked of the built tables: when each condition holds."""

import pytest
from psycopg import sql

from tests.integration.warehouse.conftest import Warehouse
from tests.integration.warehouse.facts import CUSTOMERS, day
from tests.integration.warehouse.scenarios import SCENARIOS

EVER = None


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ("exactly_two", {"thrice-2": [(day(2), day(3))]}),
        ("two_or_more", {"thrice-2": [(day(2), EVER)], "thrice-3": [(day(3), EVER)]}),
        ("at_most_two", {"thrice-1": [(day(1), day(3))], "thrice-2": [(day(2), day(3))]}),
    ],
)
def test_the_order_that_fulfils_a_count_is_an_anchor_for_as_long_as_the_count_holds(
    warehouse: Warehouse, scenario: str, expected: dict
):
    assert warehouse.entries(scenario, "thrice") == expected


def test_a_cancelled_order_counts_only_until_its_cancellation(warehouse: Warehouse):
    # the second order stood from day 2 to day 4, and as an anchor stands no longer than that
    assert warehouse.entries("exactly_two", "second_cancelled") == {"second_cancelled-2": [(day(2), day(4))]}
    assert warehouse.entries("at_most_two", "second_cancelled") == {
        "second_cancelled-1": [(day(1), EVER)],
        "second_cancelled-2": [(day(2), day(4))],
    }


def test_an_order_cancelled_at_an_unknown_time_never_counted(warehouse: Warehouse):
    customer = "cancelled_at_an_unknown_time"
    assert warehouse.entries("exactly_two", customer) == {}
    assert warehouse.entries("bought_a", customer) == {f"{customer}-1": [(day(1), EVER)]}


def test_a_cancelled_anchor_lets_nobody_in_any_more(warehouse: Warehouse):
    assert warehouse.entries("bought_a", "only_order_cancelled") == {"only_order_cancelled-1": [(day(1), day(5))]}


def test_a_returned_order_counts_like_any_other(warehouse: Warehouse):
    assert warehouse.entries("exactly_two", "returned") == {"returned-2": [(day(2), EVER)]}


def test_zero_purchases_never_match_not_even_a_number_or_fewer(warehouse: Warehouse):
    assert warehouse.entries("at_most_four_of_the_members", "never_bought") == {}
    assert warehouse.entries("at_most_four_of_the_members", "once") == {"once": [(day(1), EVER)]}


def test_orders_are_counted_and_neither_lines_nor_quantities_nor_categories(warehouse: Warehouse):
    assert warehouse.entries("one_order_of_the_category", "two_lines") == {"two_lines-1": [(day(1), EVER)]}
    assert warehouse.entries("one_order_of_the_category", "thrice") == {"thrice-1": [(day(1), day(2))]}


def test_and_holds_once_both_were_bought_and_only_the_completing_order_is_the_anchor(warehouse: Warehouse):
    assert warehouse.entries("a_and_b", "b_after") == {"b_after-5": [(day(5), EVER)]}
    assert warehouse.entries("a_and_b", "b_as_well") == {"b_as_well-1": [(day(1), EVER)]}
    assert warehouse.entries("a_and_b", "once") == {}


def test_frames_are_folded_from_left_to_right(warehouse: Warehouse):
    # as (A or B) and C; were AND to bind more tightly, A alone would do
    assert warehouse.entries("a_or_b_and_c", "once") == {}
    assert warehouse.entries("a_or_b_and_c", "c_after") == {"c_after-3": [(day(3), EVER)]}
    assert warehouse.entries("a_or_b_and_c", "only_c") == {}


def test_not_holds_until_the_unwanted_purchase_and_again_after_its_cancellation(warehouse: Warehouse):
    assert warehouse.entries("a_not_b", "once") == {"once-1": [(day(1), EVER)]}
    assert warehouse.entries("a_not_b", "b_before") == {}
    assert warehouse.entries("a_not_b", "b_after") == {"b_after-1": [(day(1), day(5))]}
    assert warehouse.entries("a_not_b", "b_cancelled") == {"b_cancelled-1": [(day(1), day(5)), (day(7), EVER)]}
    assert warehouse.entries("a_not_b", "b_as_well") == {}


def test_a_first_frame_may_be_a_not(warehouse: Warehouse):
    assert warehouse.entries("members_without_b", "never_bought") == {"never_bought": [(day(0), EVER)]}
    assert warehouse.entries("members_without_b", "b_after") == {"b_after": [(day(0), day(5))]}


def test_an_exclusion_keeps_out_from_when_it_holds(warehouse: Warehouse):
    assert warehouse.entries("excluded_by_b", "b_before") == {}
    assert warehouse.entries("excluded_by_b", "b_after") == {"b_after-1": [(day(1), day(5))]}


@pytest.mark.parametrize("customer", ["unconfirmed", "on_hold"])
def test_a_record_that_is_not_confirmed_gets_no_scenario(warehouse: Warehouse, customer: str):
    assert all(warehouse.entries(scenario, customer) == {} for scenario in SCENARIOS)


def test_active_subscribers_can_be_left_out_while_they_are(warehouse: Warehouse):
    assert warehouse.entries("without_subscribers", "subscriber") == {}
    assert warehouse.entries("without_subscribers", "subscriber_later") == {
        "subscriber_later-1": [(day(1), day(3)), (day(6), EVER)]
    }
    assert warehouse.entries("bought_a", "subscriber") == {"subscriber-1": [(day(1), EVER)]}


def test_a_stop_looks_at_what_came_after_the_anchor_unless_told_otherwise(warehouse: Warehouse):
    assert warehouse.stops("stopped_by_b", "b_before") == {}
    assert warehouse.stops("stopped_by_b", "b_as_well") == {}
    assert warehouse.stops("stopped_by_b", "b_after") == {"b_after-1": [(day(5), EVER)]}
    assert warehouse.stops("stopped_by_b", "b_cancelled") == {"b_cancelled-1": [(day(5), day(7))]}
    assert warehouse.stops("stopped_by_b_of_any_time", "b_before") == {"b_before-2": [(day(1), EVER)]}


def test_a_stop_with_a_count_counts_from_the_beginning(warehouse: Warehouse):
    assert warehouse.stops("stopped_by_the_second_a", "thrice")["thrice-3"] == [(day(2), EVER)]


def test_a_target_may_look_at_what_came_after_the_anchor(warehouse: Warehouse):
    assert warehouse.entries("b_after_the_anchor", "b_after") == {"b_after": [(day(5), EVER)]}


def test_the_filters_on_orders_choose_the_anchors(warehouse: Warehouse):
    assert list(warehouse.entries("third_deliveries", "third_delivery")) == ["third_delivery-2"]
    assert list(warehouse.entries("orders_of_a_period", "thrice")) == ["thrice-2"]


@pytest.mark.parametrize(("scenario", "at"), [("paid", 4), ("shipped", 6), ("wanted", 11)])
def test_an_order_is_an_anchor_from_the_start_of_its_date_and_none_without_one(
    warehouse: Warehouse, scenario: str, at: int
):
    # 5 days after the shipment, where no delivery date was asked for
    midnight = day(at).replace(hour=0)
    assert warehouse.entries(scenario, "paid_later") == {"paid_later-1": [(midnight, EVER)]}


def test_every_stay_in_a_segment_is_an_anchor_of_its_own(warehouse: Warehouse):
    first, second = day(91).replace(hour=0), day(240).replace(hour=0)
    assert list(warehouse.entries("lapsed", "came_back").values()) == [[(first, day(150))], [(second, EVER)]]
    assert list(warehouse.stops("lapsed", "came_back").values()) == [[(day(150), EVER)]]


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ("viewed", {"viewed twice, 1": [(day(2), EVER)], "viewed twice, 2": [(day(3), EVER)]}),
        ("tagged", {"会員": [(day(2), EVER)]}),
        ("listed", {"spring": [(day(2), EVER)]}),
    ],
)
def test_events_tags_and_lists_are_anchors_at_their_instant(warehouse: Warehouse, scenario: str, expected: dict):
    assert warehouse.entries(scenario, "once") == expected
    assert warehouse.entries(scenario, "thrice") == {}


def test_a_code_may_hold_any_characters(warehouse: Warehouse):
    assert warehouse.entries("awkward", "awkward") == {"awkward-1": [(day(1), day(3))]}
    assert warehouse.stops("awkward", "awkward") == {"awkward-1": [(day(3), EVER)]}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_live_function_answers_as_the_table_does(warehouse: Warehouse, scenario: str):
    function = warehouse.connection.execute(
        "select live_function from eligibility.scenario_registry where model_name = %s", [scenario]
    ).fetchone()[0]
    # a name from the registry, quoted there
    ask = sql.SQL("select * from {}(%s) order by customer_id, anchor_key").format(sql.SQL(function))
    read = sql.SQL("select * from eligibility.{} where customer_id = any(%s) order by customer_id, anchor_key").format(
        sql.Identifier(scenario)
    )
    for customers in [list(CUSTOMERS), *([name] for name in CUSTOMERS)]:
        live = warehouse.connection.execute(ask, [customers]).fetchall()
        assert live == warehouse.connection.execute(read, [customers]).fetchall()

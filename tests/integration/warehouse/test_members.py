"""Who somebody is, and when: every attribute of member frames."""

from datetime import datetime

import pytest

from tests.integration.warehouse.conftest import Warehouse
from tests.integration.warehouse.facts import ZONE, day, midnight

EVER = None
ALWAYS = [(day(0), EVER)]
"""Since the registration, from when the tests look."""


def entry(warehouse: Warehouse, attribute: str, customer: str) -> list:
    """Return the spans of the only anchor, the registration."""
    return warehouse.entries(f"member_{attribute}", customer).get(customer, [])


def date(year: int, month: int, number: int) -> datetime:
    """Return the instant at which a date begins in the shop."""
    return datetime(year, month, number, tzinfo=ZONE)


@pytest.mark.parametrize(
    "attribute", ["address", "gender", "registered", "logged_in", "custom", "custom_in", "any_newsletter"]
)
def test_what_has_no_history_counts_as_if_it_had_always_been_so(warehouse: Warehouse, attribute: str):
    assert entry(warehouse, attribute, "member") == ALWAYS


def test_who_lacks_a_field_matches_no_condition_on_it(warehouse: Warehouse):
    for attribute in ("address", "gender", "birth_date", "birth_month", "logged_in", "logged_in_lately", "custom"):
        assert entry(warehouse, attribute, "once") == [], attribute
    for attribute in ("thirty", "under_thirty", "over_thirty", "birthday", "tag", "rank"):
        assert entry(warehouse, attribute, "never_bought") == [], attribute


def test_a_part_of_a_text_is_that_part_and_no_pattern(warehouse: Warehouse):
    assert entry(warehouse, "another_address", "member") == []


def test_a_text_that_is_no_number_is_in_no_range_of_numbers(warehouse: Warehouse):
    assert entry(warehouse, "other_custom", "member") == []


def test_a_number_of_more_digits_than_the_database_keeps_breaks_no_build_and_is_in_no_range(warehouse: Warehouse):
    assert warehouse.outcomes["model.ekiden.member_custom_digits"] == "success"
    assert entry(warehouse, "custom_digits", "member") == []


def test_dates_and_months_of_birth(warehouse: Warehouse):
    assert entry(warehouse, "birth_date", "born_on_29_february") == ALWAYS
    assert entry(warehouse, "birth_month", "born_on_29_february") == ALWAYS
    assert entry(warehouse, "birth_date", "member") == []
    assert entry(warehouse, "birth_month", "member") == []


def test_days_since_the_last_login_are_local_days(warehouse: Warehouse):
    assert entry(warehouse, "logged_in_lately", "member") == [(midnight(3), midnight(5))]


def test_the_newsletter_is_what_it_was_at_the_time(warehouse: Warehouse):
    assert entry(warehouse, "newsletter_both", "member") == [(day(0), day(5))]
    assert entry(warehouse, "newsletter_pc", "member") == [(day(5), EVER)]


def test_without_a_history_the_newsletter_is_what_it_is(warehouse: Warehouse):
    assert entry(warehouse, "newsletter_both", "once") == ALWAYS
    assert entry(warehouse, "newsletter_pc", "once") == []


def test_a_rank_may_have_been_none(warehouse: Warehouse):
    assert entry(warehouse, "rank", "member") == [(day(4), EVER)]


def test_all_attributes_of_a_frame_must_hold_together(warehouse: Warehouse):
    assert entry(warehouse, "gold_reader", "member") == [(day(4), day(6))]


def test_a_tag_is_held_from_its_grant_on(warehouse: Warehouse):
    assert entry(warehouse, "tag", "once") == [(day(2), EVER)]
    assert entry(warehouse, "tag", "thrice") == []


def test_one_is_a_year_older_from_the_start_of_the_birthday(warehouse: Warehouse):
    assert entry(warehouse, "thirty", "member") == [(midnight(4), date(2027, 3, 5))]
    assert entry(warehouse, "under_thirty", "member") == [(day(0), midnight(4))]
    # born on 29 February
    assert entry(warehouse, "thirty", "born_on_29_february") == [(day(0), date(2027, 2, 28))]
    assert entry(warehouse, "over_thirty", "born_on_29_february") == [(date(2027, 2, 28), EVER)]


def test_a_birthday_comes_every_year_for_fifty_years(warehouse: Warehouse):
    spans = entry(warehouse, "birthday", "member")
    assert spans[:2] == [(midnight(4), midnight(5)), (date(2027, 3, 5), date(2027, 3, 6))]
    assert len(spans) == 50
    assert entry(warehouse, "birthday", "born_on_29_february")[:2] == [
        (date(2027, 2, 28), date(2027, 3, 1)),
        (date(2028, 2, 29), date(2028, 3, 1)),
    ]


def test_days_around_a_birthday_belong_to_it(warehouse: Warehouse):
    assert entry(warehouse, "around_the_birthday", "member")[0] == (midnight(3), midnight(7))
    # the registration came in the middle of it
    assert entry(warehouse, "around_the_birthday", "born_on_the_day_of_registration")[:2] == [
        (day(0), midnight(3)),
        (date(2027, 2, 28), date(2027, 3, 4)),
    ]


def test_the_last_order_is_the_last_that_counts_at_the_time(warehouse: Warehouse):
    assert entry(warehouse, "last_ordered", "thrice") == [(day(2), day(3))]
    assert entry(warehouse, "last_ordered", "second_cancelled") == [(day(2), day(4))]
    assert entry(warehouse, "last_ordered_by", "thrice") == [(day(1), day(3))]
    assert entry(warehouse, "last_ordered_by", "never_bought") == []


def test_the_first_order_is_the_first_that_counts_at_the_time(warehouse: Warehouse):
    assert entry(warehouse, "first_ordered", "first_cancelled") == [(day(4), EVER)]
    assert entry(warehouse, "first_ordered", "thrice") == []
    assert entry(warehouse, "first_ordered_by", "first_cancelled") == [(day(1), day(4))]


def test_days_since_the_last_order_are_local_days_of_the_last_that_counts(warehouse: Warehouse):
    assert entry(warehouse, "ordered_lately", "once") == [(midnight(2), midnight(7))]
    # on the day of an order it was none of these days ago; the cancellation gives the place back to the one before
    assert entry(warehouse, "ordered_lately", "second_cancelled") == [(midnight(2), day(2)), (midnight(3), midnight(7))]
    assert entry(warehouse, "ordered_today", "thrice") == [(day(n), midnight(n + 1)) for n in (1, 2, 3)]
    assert entry(warehouse, "ordered_long_ago", "thrice") == [(midnight(6), EVER)]
    assert entry(warehouse, "ordered_long_ago", "never_bought") == []

"""Which products a message can name: those of the anchor, what the scenario is about first."""

import re
from typing import Any

import pytest

from tests.integration.delivery.sending import NOON
from tests.integration.ledger_fixtures import Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


def named(shop: Shop, customer: str = "C1") -> list[str]:
    """Send what is due at noon and return the products that the customer's message names."""
    shop.plan()
    shop.at(NOON)
    shop.send()
    (text,) = (sent.rendered.text for sent in shop.channel.messages if sent.to_address.startswith(customer.lower()))
    return re.findall("^・(.+)$", text, flags=re.MULTILINE)


def products(shop: Shop, *product_ids: str) -> None:
    for product_id in product_ids:
        shop.execute("insert into raw.products (product_id, product_name) values (%s, %s)", product_id, product_id)


def did(shop: Shop, event_id: str, event_type: str, local: str, product_id: str | None, customer: str = "C1") -> None:
    shop.execute(
        "insert into raw.customer_events (event_id, customer_id, event_type, event_at, product_id)"
        " values (%s, %s, %s, %s, %s)",
        *(event_id, customer, event_type, shop.local(local), product_id),
    )


def basket(shop: Shop, *product_ids: str) -> None:
    """The order of C1's anchor, a line for each product."""
    products(shop, *product_ids)
    shop.execute(
        "insert into raw.orders (order_id, customer_id, ordered_at) values ('O-C1-2024-03-08', 'C1', %s)", shop.now
    )
    for line_no, product_id in enumerate(product_ids, 1):
        shop.execute(
            "insert into raw.order_lines (order_id, line_no, product_id, quantity)"
            " values ('O-C1-2024-03-08', %s, %s, 1)",
            *(line_no, product_id),
        )


@pytest.mark.parametrize(
    "about",
    [
        {"target": {"frames": [{"type": "product", "codes": ["rose"]}]}},
        {"orders": {"products": ["rose"]}},
        {"orders": {"categories": ["flowers"]}},
        {"anchor": {"nth_purchase": {"n": 2, "products": ["rose"]}}},
    ],
)
def test_what_the_scenario_is_about_is_named_first_and_five_in_all(shop: Shop, about: dict[str, Any]):
    shop.scenario(**about)
    shop.buyer("C1")
    basket(shop, "bread", "milk", "salt", "rice", "tea", "rose")
    shop.execute("insert into raw.categories (category_code, category_name) values ('flowers', 'Flowers')")
    shop.execute("insert into raw.product_categories (product_id, category_code) values ('rose', 'flowers')")
    assert named(shop) == ["rose", "bread", "milk", "salt", "rice"]


def test_a_product_on_several_lines_is_named_once(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    basket(shop, "bread", "milk")
    shop.execute(
        "insert into raw.order_lines (order_id, line_no, product_id, quantity)"
        " values ('O-C1-2024-03-08', 3, 'bread', 1)"
    )
    assert named(shop) == ["bread", "milk"]


def test_a_cart_is_what_was_put_into_it_since_the_anchors_day_began(shop: Shop):
    shop.scenario(anchor={"event": "carted"}, zero_day="same_day")
    shop.customer("C1")
    products(shop, "pot", "cup", "tea", "old", "seen", "theirs")
    shop.eligible("C1", "2024-03-08", kind="event", key="E2")
    did(shop, "E1", "carted", "2024-03-07 23:59", "old")
    did(shop, "E2", "carted", "2024-03-08 10:00", "pot")
    did(shop, "E3", "viewed", "2024-03-08 10:01", "seen")
    did(shop, "E4", "carted", "2024-03-08 10:02", "cup")
    did(shop, "E5", "carted", "2024-03-08 10:03", "pot")
    did(shop, "E6", "carted", "2024-03-08 10:04", None)
    did(shop, "E7", "carted", "2024-03-08 10:05", "no product of the shop")
    did(shop, "E8", "carted", "2024-03-08 10:06", "theirs", customer="C2")
    assert named(shop) == ["pot", "cup"]


def test_what_was_looked_at_before_the_last_look_of_the_day_is_named_as_well_the_newest_first(shop: Shop):
    shop.scenario(anchor={"event": "viewed"})
    shop.customer("C1")
    products(shop, "pot", "cup", "tea")
    shop.eligible("C1", "2024-03-08", kind="event", key="E3")
    # the shop's midnight, fifteen hours into the day of UTC
    did(shop, "E1", "viewed", "2024-03-08 00:00", "tea")
    did(shop, "E2", "viewed", "2024-03-08 20:00", "cup")
    did(shop, "E3", "viewed", "2024-03-08 20:05", "pot")
    assert named(shop) == ["pot", "cup", "tea"]


def test_what_was_in_the_cart_before_an_order_of_that_day_is_not_named(shop: Shop):
    shop.scenario(anchor={"event": "carted"})
    shop.customer("C1")
    products(shop, "pot", "cup")
    shop.eligible("C1", "2024-03-08", kind="event", key="E2")
    did(shop, "E1", "carted", "2024-03-08 09:00", "cup")
    shop.execute(
        "insert into raw.orders (order_id, customer_id, ordered_at) values ('O1', 'C1', %s), ('O2', 'C1', %s)",
        *(shop.local("2024-03-08 09:30"), shop.local("2024-03-08 11:00")),
    )
    did(shop, "E2", "carted", "2024-03-08 10:00", "pot")
    assert named(shop) == ["pot"]


def test_an_event_of_no_product_names_none(shop: Shop):
    shop.scenario(anchor={"event": "searched"})
    shop.customer("C1")
    products(shop, "pot")
    shop.eligible("C1", "2024-03-08", kind="event", key="E1")
    did(shop, "E1", "searched", "2024-03-08 10:00", None)
    assert named(shop) == []


def test_a_cart_of_many_names_five(shop: Shop):
    shop.scenario(anchor={"event": "carted"})
    shop.customer("C1")
    things = [f"thing {n}" for n in range(8)]
    products(shop, *things)
    shop.eligible("C1", "2024-03-08", kind="event", key="E0")
    for n, thing in enumerate(things):
        did(shop, f"E{n}", "carted", f"2024-03-08 10:0{n}", thing)
    assert named(shop) == things[:2:-1]

"""Which messages are shown first where somebody asks for the newest: of every step one, before a second of any."""

from ekiden.insights.lineage import latest_messages
from tests.integration.ledger_fixtures import STEP, Shop


def test_the_newest_message_of_each_step_comes_before_a_second_of_any(shop: Shop):
    shop.scenario(steps=[STEP, STEP | {"offset_days": 2}])
    for noon, anchored, customers in (
        ("2024-03-09 12:00", "2024-03-08", ["C1"]),
        ("2024-03-10 12:00", "2024-03-10", ["C2", "C3"]),
        ("2024-03-11 12:00", "2024-03-10", []),
    ):
        shop.at(noon)
        for customer in customers:
            shop.buyer(customer, anchored)
        shop.plan()
        shop.send()
    first, second = latest_messages(shop.connection, limit=2)
    assert first in {shop.row(customer=customer, step_no=1).message_id for customer in ("C2", "C3")}
    assert second == shop.row(customer="C1", step_no=2).message_id

"""Rows that are ready to be sent, and what the ledger says of the tries."""

from tests.integration.ledger_fixtures import STEP, Shop

NOON = "2024-03-09 12:00"
CHAIN = [STEP, STEP | {"offset_days": 3}]


def ready(shop: Shop, *customers: str, **definition) -> Shop:
    """One ready row for each customer, due at noon; the clock stands at noon."""
    shop.scenario(**definition)
    for customer in customers or ("C1",):
        shop.buyer(customer)
    shop.plan()
    shop.at(NOON)
    return shop


def attempts(shop: Shop) -> list[tuple[int, str | None]]:
    return shop.execute("select attempt_no, outcome from outreach.attempts order by schedule_row_id, attempt_no")

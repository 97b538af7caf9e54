"""Lists for direct mail as tests ask for them and read them."""

import csv

import pytest

from ekiden.delivery.lists.export import export_again, export_due
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop

CARD = STEP | {"channel": "dm"}


def export(shop: Shop, scenario: str | None = None, **narrowed):
    return export_due(
        shop.connection, now=shop.now, settings=shop.settings, context=OPERATOR, scenario=scenario, **narrowed
    )


def again(shop: Shop, run_id, **changes):
    return export_again(shop.connection, run_id, now=shop.now, settings=shop.settings, context=OPERATOR, **changes)


def lines_of(file, encoding: str = "utf-8") -> list[dict[str, str]]:
    with file.open(encoding=encoding, newline="") as stream:
        return list(csv.DictReader(stream))


def names_in(shop: Shop) -> list[str]:
    return sorted(path.name for path in shop.settings.exports.iterdir())


@pytest.fixture
def one_card(shop: Shop) -> Shop:
    """C1 is due for a card today and for another in two days."""
    shop.scenario(steps=[CARD, CARD | {"offset_days": 3}])
    shop.buyer("C1", postal_code="001-0001", phone="09012345678")
    shop.plan()
    return shop

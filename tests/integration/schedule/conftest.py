"""What several tests of the schedule begin with."""

import pytest

from tests.integration.ledger_fixtures import STEP, Shop
from tests.integration.schedule.exporting import CARD


@pytest.fixture
def one_card(shop: Shop) -> Shop:
    """C1 is due for a card today and for another in two days."""
    shop.scenario(steps=[CARD, CARD | {"offset_days": 3}])
    shop.buyer("C1", postal_code="001-0001", phone="09012345678")
    shop.plan()
    return shop


@pytest.fixture
def ledger(shop: Shop) -> Shop:
    """C1 is ready for noon, C2 is held."""
    shop.scenario(steps=[STEP, STEP | {"offset_days": 3}])
    shop.buyer("C1", "2024-03-08")
    shop.buyer("C2", "2024-03-01")
    shop.plan()
    return shop

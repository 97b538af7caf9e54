"""What several tests of the schedule begin with."""

import pytest

from tests.integration.delivery.lists.exporting import one_card
from tests.integration.ledger_fixtures import STEP, Shop

__all__ = ["ledger", "one_card"]


@pytest.fixture
def ledger(shop: Shop) -> Shop:
    """C1 is ready for noon, C2 is held."""
    shop.scenario(steps=[STEP, STEP | {"offset_days": 3}])
    shop.buyer("C1", "2024-03-08")
    shop.buyer("C2", "2024-03-01")
    shop.plan()
    return shop

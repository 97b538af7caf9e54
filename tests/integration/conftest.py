"""Fixtures that several folders of integration tests share: the small shop with a ledger."""

from tests.integration.ledger_fixtures import shop, shop_url
from tests.integration.ledger_invariants import sound_ledger

__all__ = ["shop", "shop_url", "sound_ledger"]

"""Fixtures that several folders of integration tests share: the small shop with a ledger."""

from tests.integration.ledger_fixtures import shop, shop_url

__all__ = ["shop", "shop_url"]

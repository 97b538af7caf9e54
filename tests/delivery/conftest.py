"""The shop of the deliveries' proofs: the integration tests' own, in a database of its own."""

from collections.abc import Iterator

import pytest

from tests.conftest import drop_database
from tests.integration.ledger_fixtures import make_shop_database, shop

__all__ = ["shop", "shop_url"]


@pytest.fixture(scope="session")
def shop_url(server_url: str, template_database: str) -> Iterator[str]:
    """The database that all these tests share, one after the other."""
    name = f"{template_database}_deliveries"
    yield make_shop_database(server_url, template_database, name)
    drop_database(server_url, name)

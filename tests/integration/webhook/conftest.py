import pytest

from tests.integration.ledger_fixtures import Shop
from tests.integration.webhook.provider import Provider


@pytest.fixture(scope="session")
def provider() -> Provider:
    return Provider()


@pytest.fixture
def webhook_shop(shop: Shop, provider: Provider) -> Shop:
    """A shop that knows the provider's key."""
    shop.settings = shop.settings.model_copy(update={"sendgrid_webhook_key": (provider.public_key,)})
    return shop

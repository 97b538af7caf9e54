"""The small shop's ledger as the tests of this folder ask about it: why C1 is in a scenario, or is not."""

from ekiden.insights.explanation.explain import Explanation
from ekiden.insights.moments import moment
from ekiden.insights.why import why
from tests.integration.ledger_fixtures import Shop

NOON = "2024-03-09 12:00"


def asks(shop: Shop, on: str | None = None, scenario: str = "follow_up") -> Explanation:
    about = moment(on, now=shop.now, zone=shop.settings.zone)
    return why(shop.connection, scenario, "C1", about, settings=shop.settings)

"""The command line on the shop's ledger: what the tests of this folder share."""

import pytest

from ekiden.cli import check, held, lists, operators, opt_outs, pauses, plan, send, status, unknown
from tests.integration.commands import at_the_terminal, commands
from tests.integration.ledger_fixtures import STEP, Shop


@pytest.fixture
def ekiden(shop: Shop, monkeypatch, capsys):
    """Run `ekiden …` on the shop's database at the shop's time."""
    for module in (held, lists, plan, send, operators, opt_outs, pauses, status, check, unknown):
        monkeypatch.setattr(module, "utc_now", lambda: shop.now)
    at_the_terminal(monkeypatch, shop.settings)
    return commands(monkeypatch, capsys)


@pytest.fixture
def planned(shop: Shop) -> Shop:
    """C1 is ready for noon, C2 is held; the second step is far away."""
    shop.scenario(steps=[STEP, STEP | {"offset_days": 30}])
    shop.buyer("C1", "2024-03-08")
    shop.buyer("C2", "2024-03-01")
    shop.plan()
    return shop

"""The command line on the shop's ledger: what the tests of this folder share."""

import sys
from dataclasses import dataclass

import pytest

from ekiden.cli import held, lists, main, operators, opt_outs, pauses, schedule, unknown
from tests.integration.ledger_fixtures import STEP, Shop


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def ekiden(shop: Shop, monkeypatch, capsys):
    """Run `ekiden …` on the shop's database at the shop's time."""
    monkeypatch.setenv("EKIDEN_DATABASE_URL", shop.settings.database_url.get_secret_value())
    monkeypatch.setenv("EKIDEN_HOME", str(shop.settings.home))
    monkeypatch.setenv("EKIDEN_TIME_ZONE", "Asia/Tokyo")
    monkeypatch.setenv("EKIDEN_ACTOR", "hanako")
    monkeypatch.setenv("COLUMNS", "200")
    for module in (held, lists, schedule, operators, opt_outs, pauses, unknown):
        monkeypatch.setattr(module, "now", lambda: shop.now)

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["ekiden", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Ended(ended.value.code, captured.out, captured.err)

    return run


@pytest.fixture
def planned(shop: Shop) -> Shop:
    """C1 is ready for noon, C2 is held; the second step is far away."""
    shop.scenario(steps=[STEP, STEP | {"offset_days": 30}])
    shop.buyer("C1", "2024-03-08")
    shop.buyer("C2", "2024-03-01")
    shop.plan()
    return shop

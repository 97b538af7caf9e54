"""What `ekiden timeline` tells of a ledger, in words."""

import pytest

from ekiden.insights.timeline import timeline
from tests.integration.ledger_fixtures import Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


def test_who_was_turned_away_on_several_missed_days_did_not_enter_on_each_of_them(shop: Shop):
    shop.scenario()
    shop.customer("C1")
    for day in ("2024-03-06", "2024-03-07", "2024-03-08"):
        shop.eligible("C1", day, entry="{}")
    shop.plan("2024-03-07", "2024-03-09")
    assert sorted(said_of_decisions(shop)) == [
        "did not enter",
        "did not enter on 2024-03-07",
        "did not enter on 2024-03-08",
    ]


def said_of_decisions(shop: Shop) -> list[str]:
    found = timeline(shop.connection, "C1", zone=shop.settings.zone)
    return [entry.what for entry in found.entries if entry.kind == "decision"]

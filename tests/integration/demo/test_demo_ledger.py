"""What the demo asks of the ledger before it acts."""

from rich.console import Console

from ekiden.schedule.runs import RunContext
from orchestration.demo.ledger import OPERATOR, part_to_release, waiting
from orchestration.demo.report import print_outcome
from tests.integration.ledger_fixtures import Shop


def test_the_demo_releases_one_part_once_and_says_what_waits(shop: Shop, monkeypatch):
    shop.scenario()
    shop.buyer("C1", "2024-03-01")
    shop.buyer("C2", "2024-03-01")
    shop.buyer("C3", "2024-03-02")
    shop.plan()
    part = part_to_release(shop.connection)
    assert (part.scenario, part.rows) == ("follow_up", 2)
    assert waiting(shop.connection) == []
    monkeypatch.setattr("tests.integration.ledger_fixtures.OPERATOR", RunContext(OPERATOR))
    shop.operate("release", due_from=part.due_date, due_to=part.due_date)
    assert part_to_release(shop.connection) is None


def test_the_demo_says_how_many_messages_there_are_of_how_many_rows(shop: Shop, capsys):
    print_outcome(Console(), shop.connection, shop.settings)
    assert "0 messages so far, for 0 schedule rows" in capsys.readouterr().out

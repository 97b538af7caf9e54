"""Lists for direct mail and outbound calls: extracted, marked, and gone on from."""

import csv

import pytest

from ekiden.schedule.export import export_due
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop
from tests.integration.ledger_invariants import broken_invariants

CARD = STEP | {"channel": "dm"}


@pytest.fixture(autouse=True)
def _the_ledger_is_sound_afterwards(shop: Shop):
    yield
    assert broken_invariants(shop.connection) == {}


def export(shop: Shop, scenario: str | None = None):
    return export_due(shop.connection, now=shop.now, settings=shop.settings, context=OPERATOR, scenario=scenario)


def test_a_list_is_extracted_marked_and_the_next_step_is_born(shop: Shop):
    shop.scenario(steps=[CARD, STEP | {"offset_days": 3}])
    shop.buyer("C1", postal_code="100-0001", address='東京都千代田区, "1-1"\n駅ビル')
    shop.plan()
    report = export(shop)
    with report.file.open(encoding="utf-8", newline="") as stream:
        (line,) = csv.DictReader(stream)
    assert (line["customer_id"], line["address"]) == ("C1", '東京都千代田区, "1-1"\n駅ビル')
    assert shop.states() == {("C1", 1): "sent", ("C1", 2): "ready"}
    assert shop.transitions("C1") == ["T1", "T11", "T1"]
    assert shop.execute("select channel_name, send_run_id from outreach.messages") == [("export", report.run_id)]


def test_exporting_again_takes_nothing_twice(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer("C1")
    shop.plan()
    assert export(shop).exported == 1
    again = export(shop)
    assert (again.exported, again.file) == (0, None)
    assert shop.enrolments() == {"C1": ("completed", None)}


def test_only_due_cards_of_enabled_scenarios_are_extracted(shop: Shop):
    shop.scenario("card", steps=[CARD, CARD | {"offset_days": 3}])
    shop.scenario("off", steps=[CARD])
    shop.scenario("mail")
    shop.customer("C1")
    for model in ("card", "off", "mail"):
        shop.eligible("C1", "2024-03-08", model=model)
    shop.plan()
    shop.scenario("off", steps=[CARD], status="disabled")
    shop.plan()
    export(shop)
    assert {(row.scenario_code, row.step_no): row.state for row in shop.rows()} == {
        ("card", 1): "sent",
        ("card", 2): "ready",
        ("off", 1): "ready",
        ("mail", 1): "ready",
    }
    assert export(shop).exported == 0  # the second card is due in two days


def test_a_late_list_is_still_a_list(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-25 10:00")
    assert export(shop).exported == 1


def test_one_scenario_can_be_extracted_alone(shop: Shop):
    for code in ("one", "two"):
        shop.scenario(code, steps=[CARD])
    shop.customer("C1")
    for code in ("one", "two"):
        shop.eligible("C1", "2024-03-08", model=code)
    shop.plan()
    export(shop, "one")
    assert {row.scenario_code: row.state for row in shop.rows()} == {"one": "sent", "two": "ready"}


def test_a_step_stopped_by_force_is_not_extracted(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer("C1")
    shop.plan()
    shop.scenario(steps=[CARD | {"state": "force_stopped"}])
    shop.plan("2024-03-20")  # a day to come: nothing but the definition is taken over
    assert export(shop).exported == 0
    assert shop.row().state == "ready"


def test_a_held_card_is_not_extracted(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    assert export(shop).exported == 0


def test_a_file_that_cannot_be_written_leaves_the_rows_as_they_were(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer("C1")
    shop.plan()
    shop.settings.home.mkdir(parents=True)
    (shop.settings.home / "exports").write_text("a file where the folder should be")
    with pytest.raises(OSError):
        export(shop)
    assert shop.row().state == "ready"
    assert shop.execute("select count(*) from outreach.messages") == [(0,)]

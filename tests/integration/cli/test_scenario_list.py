"""`ekiden scenario list`: the scenarios of the ledger and of the files, in the order in which they compete."""

import csv
import io
import json
from pathlib import Path

import pytest

from ekiden.scenarios.source import COLUMNS
from ekiden.warehouse import dbt
from tests.integration.ledger_fixtures import STEP, Shop

FILE = """
models:
  - name: {name}
    config:
      meta:
        scenario:
          code: {code}
          name: お茶
          status: {status}
          anchor: ordered
          multi_delivery: false
          priority: 2
          steps:
            - {{offset_days: 2, content: tea/step_1}}
    columns:
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the scenarios' files, with none in it."""
    folder = tmp_path / "dbt_project" / "models" / "eligibility"
    folder.mkdir(parents=True)
    monkeypatch.setattr(dbt, "PROJECT_DIR", tmp_path / "dbt_project")
    return folder


def write(folder: Path, name: str, *, code: str = "", status: str = "draft") -> None:
    columns = "".join(f"      - {{name: {column}, data_type: {kind}}}\n" for column, kind in COLUMNS.items())
    text = FILE.format(name=name, code=code or name, status=status) + columns
    (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    (folder / f"{name}.sql").write_text("{{ eligibility() }}\n", encoding="utf-8")


def test_scenarios_are_listed_with_their_standing_their_customers_and_their_open_rows(planned: Shop, ekiden):
    planned.scenario("paused", status="disabled")
    planned.customer("C3")
    planned.eligible("C3", "2024-03-08", key="first")
    planned.eligible("C3", "2024-03-07", key="second")
    planned.scenario(reentry="per_anchor", steps=[STEP, STEP | {"offset_days": 30}])
    planned.plan()
    first, second = json.loads(ekiden("scenario", "list", "--format", "json").out)
    assert first == {
        "scenario_code": "follow_up",
        "scenario_name": "follow_up",
        "status": "enabled",
        "multi_delivery": True,
        "priority": None,
        "version_no": 2,
        # who is in twice, by two orders, is one of them
        "customers": 3,
        "open_rows": 4,
        "model_name": "follow_up",
        "note": None,
    }
    assert (second["scenario_code"], second["status"]) == ("paused", "disabled")
    assert (second["customers"], second["open_rows"]) == (0, 0)
    planned.operate("complete", customer="C1")
    (counted, _) = json.loads(ekiden("scenario", "list", "--format", "json").out)
    assert (counted["customers"], counted["open_rows"]) == (2, 3)


def test_the_contestants_come_by_priority_and_the_others_by_code(shop: Shop, ekiden):
    for code, changes in {
        "a_multi": {"priority": 1},
        "b_last": {"multi_delivery": False},
        "c_tenth": {"multi_delivery": False, "priority": 10},
        "d_second": {"multi_delivery": False, "priority": 2},
        "e_second": {"multi_delivery": False, "priority": 2},
    }.items():
        shop.scenario(code, **changes)
    shop.plan()
    rows = list(csv.DictReader(io.StringIO(ekiden("scenario", "list", "--format", "csv").out)))
    assert [row["scenario_code"] for row in rows] == ["d_second", "e_second", "c_tenth", "b_last", "a_multi"]
    shown = ekiden("scenario", "list").out
    for said in ("priority 2", "priority 10", "no priority", "multi_delivery"):
        assert f" {said} " in shown, shown


def test_a_file_that_no_plan_has_taken_in_is_listed_and_marked(shop: Shop, ekiden, files: Path):
    shop.scenario("planned")
    shop.scenario("old_name")
    shop.plan()
    write(files, "planned", status="enabled")
    write(files, "tea")
    write(files, "slip", status="asleep")
    # renamed since, which makes no other scenario of it
    write(files, "new_name", code="old_name")
    (files / "query.sql").write_text("select 1\n", encoding="utf-8")
    rows = json.loads(ekiden("scenario", "list", "--format", "json").out)
    assert {row["scenario_code"]: (row["version_no"], row["status"], row["note"]) for row in rows} == {
        "planned": (1, "enabled", None),
        "old_name": (1, "enabled", None),
        "tea": (None, "draft", "not planned yet"),
        "slip": (None, None, "not planned yet, and left out: ekiden validate tells its faults"),
        "query": (None, None, "not planned yet, and left out: ekiden validate tells its faults"),
    }
    tea = next(row for row in rows if row["scenario_code"] == "tea")
    assert (tea["scenario_name"], tea["multi_delivery"], tea["priority"]) == ("お茶", False, 2)
    assert "not planned yet" in ekiden("scenario", "list").out


def test_nothing_is_listed_where_there_is_nothing(shop: Shop, ekiden):
    assert json.loads(ekiden("scenario", "list", "--format", "json").out) == []
    assert ekiden("scenario", "list").code == 0

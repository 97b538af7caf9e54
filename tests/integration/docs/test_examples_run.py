"""Every example of the language's reference, and every scenario that comes along, by real dbt on an empty shop.

Belongs here: that they compile and run. Does not belong here: what they select (`tests/integration/warehouse`,
`tests/properties`).
"""

import json
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from psycopg import sql
from pydantic import SecretStr

from ekiden.database.connection import connect
from ekiden.raw.load import load
from ekiden.settings import Settings
from ekiden.warehouse.dbt import PROJECT_DIR, dbt_environment, dbt_executable
from tests.conftest import database_in
from tests.language_examples import DOCS, Example, definitions, models_by_hand, page

CONDITIONS = (
    *("anchor", "orders", "site", "start", "target", "exclusion", "stop"),
    *("recheck_order_status", "excluded_order_statuses", "count_excludes_status"),
)
"""What becomes SQL; examples of other settings alone compile alike."""


@dataclass(frozen=True)
class Examples:
    """The project with the examples, and what became of each model in an empty shop, by its name."""

    settings: Settings
    outcomes: Mapping[str, Mapping[str, Any]]
    run: Callable[..., Mapping[str, Mapping[str, Any]]]


@pytest.fixture(scope="module")
def examples(server_url: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examples]:
    folder = tmp_path_factory.mktemp("examples")
    name = f"ekiden_examples_{secrets.token_hex(4)}"
    settings = Settings(home=folder / "home", database_url=SecretStr(database_in(server_url, name)))
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f'create database "{name}" template "{template_database}"')
        try:
            run = partial(_run, _project(folder), folder / "target", settings)
            yield Examples(settings, run(), run)
        finally:
            server.execute(f'drop database if exists "{name}" with (force)')


def test_every_example_and_every_shipped_scenario_runs_on_an_empty_shop(examples: Examples) -> None:
    outcomes = examples.outcomes
    broken = {name: result["message"] for name, result in outcomes.items() if result["status"] != "success"}
    assert broken == {}
    assert {_name(example) for example in _distinct()} <= outcomes.keys()
    assert {path.stem for path in (PROJECT_DIR / "models" / "eligibility").glob("*.sql")} <= outcomes.keys()
    assert {Path(path).stem for path in models_by_hand()} <= outcomes.keys()


def test_the_drafts_find_in_the_sample_shop_whom_their_page_names(examples: Examples) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d{4}-\d\d-\d\d) \| (C\d+)", page("scenarios/examples.md"), re.MULTILINE)
    found = {draft: (date.fromisoformat(day), customer) for draft, day, customer in rows}
    # its codes are the demo's
    found.pop("subscription_win_back")
    with connect(examples.settings) as connection:
        load(connection, DOCS / "sample_shop", examples.settings.zone)
    examples.run("--full-refresh", "--select", *(f"+{draft}" for draft in found))
    with connect(examples.settings) as connection:
        for draft, (day, customer) in found.items():
            query = sql.SQL(
                "select customer_id from eligibility.{} where entry_during @> %(at)s and not stop_during @> %(at)s"
                " and anchor_date < %(day)s"
            ).format(sql.Identifier(draft))
            at = datetime.combine(day, time(12), tzinfo=examples.settings.zone)
            assert connection.execute(query, {"at": at, "day": day}).fetchall() == [(customer,)], draft


def test_whoever_opts_in_after_registering_is_welcomed_by_the_day_of_the_opt_in(examples: Examples) -> None:
    with connect(examples.settings) as connection:
        load(connection, DOCS / "sample_shop", examples.settings.zone)
    examples.run("--full-refresh", "--select", "+welcome")
    with connect(examples.settings) as connection:
        found = connection.execute(
            "select customer_id, anchor_date from eligibility.welcome where not isempty(entry_during) order by 1"
        ).fetchall()
    assert found == [
        # registered on 10 January without the newsletter
        ("C001", date(2026, 3, 5)),
        # the others on the day they registered; C004 does not take it
        ("C002", date(2026, 2, 3)),
        ("C003", date(2026, 2, 14)),
        ("C005", date(2026, 3, 22)),
    ]


def _project(folder: Path) -> Path:
    """Copy dbt's project and write the examples beside its own scenarios."""
    project = folder / "dbt_project"
    shutil.copytree(PROJECT_DIR, project, ignore=shutil.ignore_patterns("target", "logs"))
    models = project / "models"
    by_hand = models_by_hand()
    for path, text in by_hand.items():
        (models / path).write_text(text, encoding="utf-8")
    shipped = yaml.safe_load((models / "eligibility" / "cross_sell.yml").read_text(encoding="utf-8"))
    properties = []
    for example in _distinct():
        name = _name(example)
        if f"eligibility/{name}.sql" not in by_hand:
            body = f"{{{{ eligibility(segments={sorted(_segments(example.definition))!r}) }}}}"
            (models / "eligibility" / f"{name}.sql").write_text(body, encoding="utf-8")
        # the code of two examples may be one: on a page they tell about the same scenario
        meta = {"scenario": {**example.definition, "code": name}}
        properties.append({"name": name, "config": {"meta": meta}, "columns": shipped["models"][0]["columns"]})
    (models / "eligibility" / "examples_of_the_documentation.yml").write_text(
        yaml.safe_dump({"version": 2, "models": properties}, allow_unicode=True), encoding="utf-8"
    )
    return project


def _distinct() -> list[Example]:
    """Return the examples, one for each set of conditions."""
    by_conditions: dict[str, Example] = {}
    for example in definitions():
        conditions = {part: example.definition.get(part) for part in CONDITIONS}
        # what a page shows as SQL has its model there
        key = _name(example) if _name(example) != example.model else json.dumps(conditions, default=str)
        by_conditions.setdefault(key, example)
    return list(by_conditions.values())


def _name(example: Example) -> str:
    """The example's own code where a page shows its SQL as well."""
    code = example.definition["code"]
    return code if f"eligibility/{code}.sql" in models_by_hand() else example.model


def _segments(definition: Mapping[str, Any]) -> set[str]:
    anchor = definition["anchor"]
    found = {anchor["entered"]} if isinstance(anchor, dict) and "entered" in anchor else set()
    for section in ("target", "exclusion", "stop"):
        for frame in definition.get(section, {}).get("frames", []):
            if frame["type"] == "segment":
                found |= set(frame["codes"])
    return found


def _run(project: Path, target: Path, settings: Settings, *selection: str) -> dict[str, dict[str, Any]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EKIDEN_")}
    command = [dbt_executable(), "--no-use-colors", "run", "--project-dir", project, "--profiles-dir", project]
    result = subprocess.run(
        [*command, *selection, "--target-path", target, "--log-path", target, "--log-level-file", "none"],
        env={**kept, **dbt_environment(settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    run_results = target / "run_results.json"
    assert run_results.exists(), result.stdout + result.stderr
    results = json.loads(run_results.read_text(encoding="utf-8"))["results"]
    return {result["unique_id"].rsplit(".", 1)[-1]: result for result in results}

"""A shop's own copy of the dbt project, with the scenarios a test writes into it, on a database of its own.

Belongs here: the copy, the scenario files and whom they are for. Does not belong here: what is expected of them.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from ekiden.settings import PROJECT_ROOT, Settings
from ekiden.warehouse import dbt
from tests.integration.commands import Ended, at_the_terminal, commands

PROJECT = PROJECT_ROOT / "dbt_project"


@dataclass(frozen=True)
class Site:
    """A deployment's project and settings."""

    project: Path
    settings: Settings

    @property
    def eligibility(self) -> Path:
        return self.project / "models" / "eligibility"

    def scenario(self, name: str, *changes: tuple[str, str], query: str = "{{ eligibility() }}") -> None:
        """Write a scenario like `reactivation`, with parts of its text replaced."""
        text = (PROJECT / "models" / "eligibility" / "cross_sell.yml").read_text(encoding="utf-8")
        for before, after in [("cross_sell", name), ("content: " + name, "content: cross_sell"), *changes]:
            assert before in text or before == "cross_sell", before
            text = text.replace(before, after)
        (self.eligibility / f"{name}.yml").write_text(text, encoding="utf-8")
        (self.eligibility / f"{name}.sql").write_text(query + "\n", encoding="utf-8")


@pytest.fixture
def site(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A project without scenarios, which every command of the test takes for its own."""
    project = tmp_path / "shop" / "dbt_project"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("target", "logs", "eligibility", "history"))
    # the macros' folder is called like the models' one
    shutil.copytree(PROJECT / "macros" / "eligibility", project / "macros" / "eligibility")
    (project / "models" / "eligibility").mkdir()
    monkeypatch.setattr(dbt, "PROJECT_DIR", project)
    at_the_terminal(monkeypatch, settings)
    return Site(project, settings)


@pytest.fixture
def ekiden(site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> Callable[..., Ended]:
    """Run `ekiden …` on the site; what dbt writes is captured as well."""
    return commands(monkeypatch, capfd)


@pytest.fixture
def buyer(connection: psycopg.Connection, settings: Settings) -> datetime:
    """A customer who bought bananas two days ago, at noon: the step of every scenario here is due today."""
    ordered_at = datetime.now(settings.zone).replace(hour=12, minute=0) - timedelta(days=2)
    connection.execute("insert into raw.products (product_id, product_name) values ('1082185', 'バナナ')")
    connection.execute(
        "insert into raw.customers (customer_id, registered_at, email) values ('C', %s, 'c@shop.example')", [ordered_at]
    )
    connection.execute("insert into raw.orders (order_id, customer_id, ordered_at) values ('O', 'C', %s)", [ordered_at])
    connection.execute(
        "insert into raw.order_lines (order_id, line_no, product_id, quantity) values ('O', 1, '1082185', 1)"
    )
    connection.commit()
    return ordered_at

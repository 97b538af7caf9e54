"""Where the demo may run: in a database that is empty or its own."""

from pathlib import Path

import psycopg
import pytest

from ekiden.settings import Settings
from orchestration.demo.run import main
from orchestration.demo.shop import MARK, HomeInUse, refuse_another_shop


@pytest.fixture
def home(settings: Settings) -> Path:
    settings.home.mkdir()
    return settings.home


def customer(connection: psycopg.Connection, name: str, email: str | None, email_2: str | None = None) -> None:
    connection.execute(
        "insert into raw.customers (customer_id, registered_at, email, email_2) values (%s, '2025-01-01', %s, %s)",
        [name, email, email_2],
    )
    connection.execute(
        "insert into raw.orders (order_id, customer_id, ordered_at) values (%s, %s, '2025-02-01')", [name, name]
    )
    connection.commit()


def mark(home: Path) -> None:
    (home / MARK).write_text('{"made_on": "2026-11-21"}', encoding="utf-8")


def test_an_empty_database_and_the_demos_own_are_taken(
    connection: psycopg.Connection, settings: Settings, home: Path
) -> None:
    refuse_another_shop(settings)
    mark(home)
    # it was made anew, or the data could not be loaded
    refuse_another_shop(settings)
    customer(connection, "1", "ann.lee@household-1.demo.invalid", "mobile@household-1.demo.invalid")
    customer(connection, "2", None)
    refuse_another_shop(settings)


def test_a_database_that_no_migration_has_seen_is_empty(
    connection: psycopg.Connection, settings: Settings, home: Path
) -> None:
    connection.execute("drop schema raw cascade")
    connection.execute("drop schema outreach cascade")
    connection.commit()
    refuse_another_shop(settings)


@pytest.mark.parametrize(
    ("email", "email_2"), [("c1@shop.example", None), ("a@household-1.demo.invalid", "c1@shop.example"), (None, None)]
)
def test_another_shops_database_is_refused_although_the_home_is_the_demos(
    connection: psycopg.Connection, settings: Settings, home: Path, email: str | None, email_2: str | None
) -> None:
    mark(home)
    customer(connection, "C1", email, email_2)
    with pytest.raises(HomeInUse, match="EKIDEN_DATABASE_URL unset or naming an empty database"):
        refuse_another_shop(settings)


def test_the_demos_own_data_is_refused_from_another_home(
    connection: psycopg.Connection, settings: Settings, home: Path
) -> None:
    customer(connection, "1", "ann.lee@household-1.demo.invalid")
    with pytest.raises(HomeInUse, match=r"EKIDEN_HOME=\.ekiden-demo"):
        refuse_another_shop(settings)


def test_a_shop_without_orders_is_one_as_well(connection: psycopg.Connection, settings: Settings, home: Path) -> None:
    mark(home)
    customer(connection, "C1", "c1@shop.example")
    connection.execute("delete from raw.orders")
    connection.commit()
    with pytest.raises(HomeInUse):
        refuse_another_shop(settings)


def test_a_shop_in_a_schema_of_its_own_is_refused(settings: Settings, home: Path) -> None:
    mark(home)
    with pytest.raises(HomeInUse, match="in the schema shop"):
        refuse_another_shop(settings.model_copy(update={"raw_schema": "shop"}))


def test_in_another_shops_database_the_demo_changes_nothing(
    connection: psycopg.Connection,
    settings: Settings,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    mark(home)
    customer(connection, "C1", "c1@shop.example")
    # as an older release left it
    connection.execute("update outreach.schema_version set version_num = '0001'")
    connection.commit()
    monkeypatch.setenv("EKIDEN_HOME", str(home))
    monkeypatch.setenv("EKIDEN_DATABASE_URL", settings.database_url.get_secret_value())
    assert main() == 1
    assert "holds a shop's data that the demo did not make in" in " ".join(capfd.readouterr().out.split())
    assert [path.name for path in home.iterdir()] == [MARK]
    assert connection.execute("select version_num from outreach.schema_version").fetchone() == ("0001",)
    assert connection.execute("select count(*) from outreach.runs").fetchone() == (0,)

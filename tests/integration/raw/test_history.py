"""What raw keeps of earlier times: a member's former status and rank, and the day a tag was first granted."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from ekiden.database.connection import connect
from ekiden.raw.load import LoadReport
from ekiden.settings import Settings
from tests.integration.raw.conftest import TOKYO, write_csv

Load = Callable[[], LoadReport]
REGISTERED = datetime(2026, 1, 1, 9, tzinfo=TOKYO)


def history(connection: psycopg.Connection) -> list[tuple[str, str, str | None, bool]]:
    """Return field, customer, value, and whether it dates from the registration, in order of time."""
    return connection.execute(
        "select field, customer_id, value, changed_at = %s from raw.customer_history"
        " order by customer_id, field, changed_at",
        [REGISTERED],
    ).fetchall()


def write_customers(shop: Path, status: str, rank: str, name: str = "") -> None:
    header = ["customer_id", "registered_at", "newsletter_status", "member_rank", "family_name"]
    write_csv(shop, "customers", [header, ["c1", "2026-01-01 09:00:00", status, rank, name]])


def test_a_load_that_changes_a_status_or_a_rank_keeps_what_it_was(
    connection: psycopg.Connection, shop: Path, load_shop: Load
) -> None:
    write_customers(shop, "both", "")
    load_shop()
    connection.commit()
    assert history(connection) == []
    write_customers(shop, "none", "", name="佐藤")
    load_shop()
    connection.commit()
    assert history(connection) == [
        ("newsletter_status", "c1", "both", True),
        ("newsletter_status", "c1", "none", False),
    ]
    write_customers(shop, "pc", "gold", name="佐藤")
    load_shop()
    assert history(connection) == [
        ("member_rank", "c1", None, True),
        ("member_rank", "c1", "gold", False),
        ("newsletter_status", "c1", "both", True),
        ("newsletter_status", "c1", "none", False),
        ("newsletter_status", "c1", "pc", False),
    ]


def test_a_history_that_is_handed_over_with_the_change_is_not_guessed_at(
    connection: psycopg.Connection, shop: Path, load_shop: Load
) -> None:
    write_customers(shop, "both", "")
    load_shop()
    connection.commit()
    write_customers(shop, "none", "")
    header = ["customer_id", "field", "changed_at", "value"]
    told = [["c1", "newsletter_status", day, value] for day, value in [("2026-02-01", "pc"), ("2026-03-01", "none")]]
    write_csv(shop, "customer_history", [header, *told])
    report = load_shop()
    assert report.tables[0].table == "customers"
    # as if the history had come in a load before: its first value had always been there
    assert [value for _, _, value, _ in history(connection)] == ["pc", "none", "none"]


def test_a_former_status_or_rank_may_be_empty(connection: psycopg.Connection, shop: Path, load_shop: Load) -> None:
    header = ["customer_id", "field", "changed_at", "value"]
    told = [["c1", field, "2026-02-01", ""] for field in ("member_rank", "newsletter_status")]
    write_csv(shop, "customer_history", [header, *told])
    load_shop()
    assert [value for _, _, value, _ in history(connection)] == [None, None]


def test_loading_the_same_again_or_changing_another_field_is_no_history(
    connection: psycopg.Connection, shop: Path, load_shop: Load
) -> None:
    write_customers(shop, "both", "gold")
    load_shop()
    load_shop()
    write_customers(shop, "both", "gold", name="鈴木")
    load_shop()
    assert history(connection) == []


def test_two_changes_in_one_transaction_count_as_what_they_came_to(connection: psycopg.Connection) -> None:
    connection.execute("insert into raw.customers (customer_id, registered_at) values ('c1', %s)", [REGISTERED])
    connection.execute("update raw.customers set newsletter_status = 'pc'")
    connection.execute("update raw.customers set newsletter_status = 'none'")
    assert [value for _, _, value, _ in history(connection)] == ["both", "none"]


def test_of_two_transactions_the_one_that_writes_last_is_the_later_change(
    connection: psycopg.Connection, settings: Settings
) -> None:
    connection.execute("insert into raw.customers (customer_id, registered_at) values ('c1', %s)", [REGISTERED])
    connection.commit()
    connection.execute("select now()")
    with connect(settings) as quicker:
        quicker.execute("update raw.customers set member_rank = 'silver'")
    connection.execute("update raw.customers set member_rank = 'platinum'")
    assert [value for _, _, value, _ in history(connection)] == [None, "silver", "platinum"]


def test_a_change_is_of_today_whatever_a_file_says_of_days_to_come(connection: psycopg.Connection) -> None:
    connection.execute("insert into raw.customers (customer_id, registered_at) values ('c1', %s)", [REGISTERED])
    connection.execute(
        "insert into raw.customer_history (customer_id, field, changed_at, value)"
        " values ('c1', 'member_rank', now() + interval '1 year', 'diamond')"
    )
    connection.execute("update raw.customers set member_rank = 'gold'")
    assert [value for _, _, value, _ in history(connection)] == ["gold", "diamond"]


def test_a_registration_that_lies_ahead_is_older_than_the_change_all_the_same(connection: psycopg.Connection) -> None:
    connection.execute("insert into raw.customers (customer_id, registered_at) values ('c1', now() + interval '1 day')")
    connection.execute("update raw.customers set member_rank = 'gold'")
    assert [value for _, _, value, _ in history(connection)] == [None, "gold"]


@pytest.mark.parametrize(("again", "kept"), [(timedelta(days=3), 0), (timedelta(days=-3), -3)])
def test_a_tag_granted_again_keeps_its_first_day(
    connection: psycopg.Connection, shop: Path, load_shop: Load, again: timedelta, kept: int
) -> None:
    granted = datetime(2026, 2, 1, tzinfo=TOKYO)
    for instant in (granted, granted + again):
        rows = [["customer_id", "tag", "granted_at"], ["c1", "会員", f"{instant:%Y-%m-%d}"]]
        write_csv(shop, "customer_tags", rows)
        load_shop()
    (found,) = connection.execute("select granted_at from raw.customer_tags").fetchone() or ()
    assert found == granted + timedelta(days=kept)


def test_a_tag_granted_again_is_no_change(connection: psycopg.Connection, shop: Path, load_shop: Load) -> None:
    for day in ("2026-02-01", "2026-02-05"):
        write_csv(shop, "customer_tags", [["customer_id", "tag", "granted_at"], ["c1", "会員", day]])
        report = load_shop()
    assert next(table.updated for table in report.tables if table.table == "customer_tags") == 0

"""A small shop as files, for tests to spoil."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql

from ekiden.raw.load import LoadRefused, LoadReport, load

TOKYO = ZoneInfo("Asia/Tokyo")

SHOP = {
    "customers": [["customer_id", "registered_at"], ["c1", "2026-01-01 09:00:00"], ["c2", "2026-01-02"]],
    "products": [["product_id", "product_name"], ["p1", "Tea"], ["p2", "Cup"]],
    "orders": [["order_id", "customer_id", "ordered_at"], ["o1", "c1", "2026-02-01 10:00:00"]],
    "order_lines": [["order_id", "line_no", "product_id", "quantity"], ["o1", "1", "p1", "2"]],
}

Rows = Sequence[Sequence[str]]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder that loads, two customers and one order."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for table, rows in SHOP.items():
        write_csv(folder, table, rows)
    return folder


@pytest.fixture
def load_shop(connection: psycopg.Connection, shop: Path) -> Callable[[], LoadReport]:
    return lambda: load(connection, shop, TOKYO)


@pytest.fixture
def faults_of(connection: psycopg.Connection, shop: Path) -> Callable[[], list[str]]:
    """Load the folder, which must be refused and change nothing, and return what was said."""

    def faults() -> list[str]:
        with pytest.raises(LoadRefused) as refused:
            load(connection, shop, TOKYO)
        for table in SHOP:
            rows = sql.SQL("select count(*) from {}").format(sql.Identifier("raw", table))
            assert connection.execute(rows).fetchone() == (0,)
        return [str(fault) for fault in refused.value.faults]

    return faults


def write_csv(folder: Path, table: str, rows: Rows) -> None:
    with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)

"""The demo's shop as a folder of Parquet files that `ekiden load` reads; docs/demo-data.md describes it.

Belongs here: which tables the shop has, and writing them. Does not belong here: how a table is made
(`customers`, `products`, `orders`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ekiden.demo.customers import customers
from ekiden.demo.orders import order_lines, orders, payment_methods
from ekiden.demo.products import categories, product_categories, products
from ekiden.demo.source import DemoDataMissing, journey

__all__ = ["DemoDataMissing", "ShopSummary", "write_shop"]


@dataclass(frozen=True)
class ShopSummary:
    """What was written: rows by table, days the dates were moved, first and last local order day."""

    rows: dict[str, int]
    shift_days: int
    first_order_day: date
    last_order_day: date


def write_shop(folder: Path, today: date) -> ShopSummary:
    """Write the demo's shop into `folder`, made if absent, its last order day being the day before `today`.

    `today` is a local date of America/New_York. The same `today` gives the same rows. Raises DemoDataMissing
    without the optional package. The shop has no subscriptions, events, tags or lists: the data has none.
    """
    source = journey(today)
    last_day = source.last_order_day
    tables: dict[str, Callable[[], pd.DataFrame]] = {
        "customers": lambda: customers(source.households, last_day),
        "products": lambda: products(source.products, source.lines),
        "categories": lambda: categories(source.products),
        "product_categories": lambda: product_categories(source.products),
        "orders": lambda: orders(source.orders, last_day),
        "order_lines": lambda: order_lines(source.lines),
        "payment_methods": payment_methods,
    }
    folder.mkdir(parents=True, exist_ok=True)
    rows = {name: _write(folder / f"{name}.parquet", table()) for name, table in tables.items()}
    return ShopSummary(rows, source.shift.days, source.first_order_day, last_day)


def _write(path: Path, table: pd.DataFrame) -> int:
    # under another name first: a run that was cut short leaves no half file that looks whole
    unfinished = path.with_suffix(".unfinished")
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), unfinished)
    unfinished.replace(path)
    return len(table)

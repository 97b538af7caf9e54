"""Generated shops: as many customers and orders as asked for, over three years, the same for the same seed.

Belongs here: facts, as Parquet files in the shape of the raw contract, and how they get into PostgreSQL. Does not
belong here: scenarios over them (`scenarios`), and what the tables hold (`shop_tables`).

Products are bought by Zipf's law, customers order by a skewed one too: a plan that is good for the average product
must also survive the largest.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from psycopg import sql

from tests.benchmarks import shop_tables
from tests.benchmarks.shop_tables import DAY, END, SECOND, YEARS

TODAY = date(2026, 7, 1)
"""The shop's date in every benchmark; its history ends the evening before, Tokyo time."""
CHUNK = 1_000_000  # rows drawn and copied at a time: some 200 MB


@dataclass(frozen=True)
class Size:
    """How large a shop is; `new_orders` arrive on `TODAY` for the daily build."""

    customers: int
    orders: int
    seed: int = 3

    @property
    def new_orders(self) -> int:
        return max(self.orders // 1000, 1)


SMALL = Size(100_000, 1_000_000)
FULL = Size(1_000_000, 10_000_000)


def product(rank: int) -> str:
    """Return the id of the product of this rank, 1 the most popular."""
    return f"p{rank:05d}"


def category(number: int) -> str:
    """Return the code of a category, 1 to 50; number n holds the products of rank n, n + 50, n + 100, …"""
    return f"k{number:02d}"


def make_shop(folder: Path, size: Size) -> None:
    """Write the shop's tables into `folder`, one Parquet file each."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(size.seed)
    end = shop_tables.micros(END)
    registered = shop_tables.instants(draw, size.customers, end - 5 * 365 * DAY, end - DAY)
    tables = shop_tables.catalogue() | {
        "customers": shop_tables.customers(draw, registered),
        "subscriptions": shop_tables.subscriptions(draw, size.customers // 20, size.customers),
        "customer_events": shop_tables.events(draw, size.orders // 2, size.customers),
        "customer_tags": shop_tables.tags(draw, size.customers),
        "list_members": shop_tables.list_members(draw, size.customers),
    }
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    buyers = shop_tables.buyers(draw, size.orders, customers=size.customers, seed=size.seed)
    # nobody orders before registering
    since = np.maximum(registered, end - YEARS * 365 * DAY)[buyers]
    ordered_at = since + (draw.random(size.orders) * (end - since)).astype(np.int64)
    _write_orders(folder, draw, buyers, ordered_at, first_order=0)


def make_new_orders(folder: Path, size: Size) -> None:
    """Write the orders and lines of the morning of `TODAY`."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(size.seed + 1)
    end = shop_tables.micros(END)
    ordered_at = shop_tables.instants(draw, size.new_orders, end, end + 9 * 3600 * SECOND)
    buyers = shop_tables.buyers(draw, size.new_orders, customers=size.customers, seed=size.seed)
    _write_orders(folder, draw, buyers, ordered_at, first_order=size.orders)


def load_postgres(connection: psycopg.Connection, folder: Path) -> None:
    """Copy every file of `folder` into the raw table of its name, and let the planner know."""
    for file in sorted(folder.glob("*.parquet")):
        table = sql.Identifier("raw", file.stem)
        for batch in pq.ParquetFile(file).iter_batches(CHUNK):
            columns = sql.SQL(", ").join(map(sql.Identifier, batch.schema.names))
            rows = BytesIO()
            pyarrow.csv.write_csv(batch, rows, pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed"))
            copy = sql.SQL("copy {} ({}) from stdin (format csv)").format(table, columns)
            with connection.cursor().copy(copy) as stream:
                stream.write(rows.getbuffer())
        connection.execute(sql.SQL("vacuum (analyze) {}").format(table))


@contextmanager
def _writer(folder: Path, name: str) -> Iterator[Callable[[pa.Table], None]]:
    with ExitStack() as files:
        writers: list[pq.ParquetWriter] = []

        def write(table: pa.Table) -> None:
            if not writers:
                writers.append(files.enter_context(pq.ParquetWriter(folder / f"{name}.parquet", table.schema)))
            writers[0].write_table(table)

        yield write


def _write_orders(
    folder: Path, draw: np.random.Generator, buyers: np.ndarray, ordered_at: np.ndarray, *, first_order: int
) -> None:
    # a shop's tables lie in the order in which things happened
    order = np.argsort(ordered_at)
    buyers, ordered_at = buyers[order], ordered_at[order]
    with _writer(folder, "orders") as write_orders, _writer(folder, "order_lines") as write_lines:
        for begin in range(0, len(ordered_at), CHUNK):
            chunk = slice(begin, begin + CHUNK)
            numbers = first_order + np.arange(begin, begin + len(ordered_at[chunk])) + 1
            write_orders(shop_tables.orders(draw, numbers, buyers[chunk] + 1, ordered_at[chunk]))
            write_lines(shop_tables.order_lines(draw, numbers))


SIZES: Mapping[str, Size] = {"small": SMALL, "full": FULL}

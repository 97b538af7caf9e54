"""One shop on both sides, PostgreSQL and DuckDB, and whether both come to the same rows.

Belongs here: setting both sides up, building on them, and comparing what they built. Does not belong here: figures.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.benchmarks import scenarios, shop
from tests.benchmarks.duck_eligibility import eligibility
from tests.benchmarks.duck_facts import MARTS
from tests.benchmarks.measures import Reporter
from tests.benchmarks.place import BenchmarkFailed, Build, Place, ask_peer, copy_project, scratch

Checksums = dict[str, tuple[int, str]]
"""Rows and the sum of their hashes, by table."""

_ELIGIBILITY_LINES = """
    select count(*), coalesce(sum(('x' || substr(md5(line), 1, 15))::bit(60)::bigint), 0)::text from (
        select concat_ws(
            '|', customer_id, anchor_kind, anchor_key, (extract(epoch from anchor_at) * 1000000)::bigint, anchor_date,
            {entry}, {stop}
        ) as line
        from {table}
    ) as told"""
_SPANS = """coalesce((
    select string_agg(
        coalesce((extract(epoch from lower(span)) * 1000000)::bigint::text, '') || ','
        || coalesce((extract(epoch from upper(span)) * 1000000)::bigint::text, ''), ';' order by span
    )
    from unnest({column}) as span), '')"""
_ANY_LINES = """
    select count(*), coalesce(sum(('x' || substr(md5(row::text), 1, 15))::bit(60)::bigint), 0)::text
    from {table} as row"""


@dataclass(frozen=True)
class DuckBuild:
    """DuckDB's seconds of each table, and its processor seconds of all."""

    seconds: dict[str, float]
    cpu: float

    @property
    def total(self) -> float:
        return sum(self.seconds.values())


@dataclass(frozen=True)
class Sides:
    """A shop in both databases, and the scenarios that are built over it."""

    place: Place
    project: Path
    definitions: Mapping[str, scenarios.Definition]

    @property
    def duckdb(self) -> str:
        """The file of DuckDB's own storage."""
        return str(self.place.folder / "shop.duckdb")

    @property
    def tables(self) -> dict[str, str]:
        """DuckDB's queries by the tables they fill, the marts first."""
        marts = {f"marts.{name}": query for name, query in MARTS.items()}
        return marts | {f"eligibility.{name}": eligibility(d) for name, d in self.definitions.items()}

    def build_here(self, *, full_refresh: bool = False) -> Build:
        """Build every mart and eligibility table by dbt in PostgreSQL."""
        return self.place.build(self.project, full_refresh=full_refresh)

    def build_in_duckdb(self) -> DuckBuild:
        """Build the same tables in DuckDB."""
        return DuckBuild(**ask_peer("duck.py", {"database": self.duckdb, "tables": self.tables}))

    def load(self, folder: Path) -> None:
        """Add the facts of `folder` to both sides."""
        with self.place.connect() as connection:
            shop.load_postgres(connection, folder)
        ask_peer("duck.py", {"database": self.duckdb, "load": [str(folder)]})

    def assert_equal(self) -> int:
        """Return how many eligibility rows both sides have, each the same; raises `BenchmarkFailed`."""
        names = [f"eligibility.{name}" for name in self.definitions]
        request = {"database": self.duckdb, "check": names}
        theirs = {name: tuple(sums) for name, sums in ask_peer("duck.py", request)["checksums"].items()}
        with self.place.connect() as connection:
            ours = {name: _checksum(connection, *name.split("."), told=True) for name in names}
        if differing := [name for name in names if ours[name] != theirs[name]]:
            told = "; ".join(f"{name}: {ours[name]} here, {theirs[name]} in DuckDB" for name in differing)
            raise BenchmarkFailed(f"rows differ in {told}")
        return sum(rows for rows, _ in ours.values())

    def checksums(self) -> Checksums:
        """Return the checksums of every table that dbt built in PostgreSQL."""
        with self.place.connect() as connection:
            built = connection.execute(
                "select schemaname, tablename from pg_tables where schemaname in ('marts', 'eligibility')"
                " and tablename <> 'scenario_registry' order by 1, 2"
            ).fetchall()
            return {f"{schema}.{table}": _checksum(connection, schema, table) for schema, table in built}


@contextmanager
def sides(size: shop.Size, definitions: Mapping[str, scenarios.Definition], report: Reporter) -> Iterator[Sides]:
    """Yield a new shop of this size on both sides, loaded and not yet built; all of it is gone after."""
    with scratch() as place:
        report.note(f"making a shop of {size.customers:,} customers and {size.orders:,} orders")
        shop.make_shop(place.folder / "shop", size)
        project = copy_project(place.folder, definitions, segments=scenarios.segments_read(definitions))
        both = Sides(place, project, definitions)
        report.note("loading it")
        both.load(place.folder / "shop")
        yield both


def _checksum(connection: psycopg.Connection, schema: str, table: str, *, told: bool = False) -> tuple[int, str]:
    spans = {name: sql.SQL(_SPANS).format(column=sql.Identifier(f"{name}_during")) for name in ("entry", "stop")}
    query = sql.SQL(_ELIGIBILITY_LINES if told else _ANY_LINES)
    row = connection.execute(query.format(table=sql.Identifier(schema, table), **(spans if told else {}))).fetchone()
    assert row is not None
    return row[0], row[1]

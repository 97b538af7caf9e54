"""DuckDB's side: loads a shop's Parquet files into tables of its own, builds tables from them, and tells the seconds.

Run by the peers' Python, with a request on standard input and the answer on standard output, both JSON. Only the
building is timed: loading and opening the database are not.
"""

import json
import sys
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import duckdb

THREADS = 2
"""As many as dbt builds models at a time with (dbt_project/profiles.yml)."""
# every instant in UTC without a zone: the fastest that DuckDB has
CHECKSUM = """
    select count(*), coalesce(sum(('0x' || substr(md5(line), 1, 15))::bigint), 0)::varchar from (
        select concat_ws('|', customer_id, anchor_kind, anchor_key, epoch_us(anchor_at)::varchar,
            strftime(anchor_date, '%Y-%m-%d'), {entry}, {stop}) as line from {table}
    )"""
SPANS = """coalesce(array_to_string(list_transform({column}, lambda x:
    case when isinf(x.s) then '' else epoch_us(x.s)::varchar end || ','
    || case when isinf(x.e) then '' else epoch_us(x.e)::varchar end), ';'), '')"""


def load(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Put every file of `folder` into the table of its name, or add to what is there."""
    connection.execute("set timezone = 'UTC'")
    connection.execute("create schema if not exists raw")
    for file in sorted(folder.glob("*.parquet")):
        columns = connection.execute("describe select * from read_parquet(?)", [str(file)]).fetchall()
        plain = [f"{name}::timestamp as {name}" for name, kind, *_ in columns if kind.startswith("TIMESTAMP")]
        select = f"select * replace ({', '.join(plain)})" if plain else "select *"
        known = connection.execute(
            "select 1 from duckdb_tables() where schema_name = 'raw' and table_name = ?", [file.stem]
        )
        verb = f"insert into raw.{file.stem} by name" if known.fetchone() else f"create table raw.{file.stem} as"
        connection.execute(f"{verb} {select} from read_parquet(?)", [str(file)])


def build(connection: duckdb.DuckDBPyConnection, tables: dict[str, str]) -> dict[str, Any]:
    """Build the tables anew; return the seconds of each and the processor seconds of all. The last write to disk
    is in the last one's.
    """
    for schema in ("marts", "eligibility"):
        connection.execute(f"drop schema if exists {schema} cascade")
        connection.execute(f"create schema {schema}")
    connection.execute("checkpoint")
    seconds = {}
    spent = process_time()
    for name, query in tables.items():
        began = perf_counter()
        connection.execute(f"create table {name} as {query}")
        if name == list(tables)[-1]:
            connection.execute("checkpoint")
        seconds[name] = perf_counter() - began
    return {"seconds": seconds, "cpu": process_time() - spent}


def checksum(connection: duckdb.DuckDBPyConnection, table: str) -> list[Any]:
    """Return how many rows a table has and the sum of their hashes, as PostgreSQL computes it in `build`."""
    spans = {name: SPANS.format(column=f"{name}_during") for name in ("entry", "stop")}
    return list(connection.execute(CHECKSUM.format(table=table, **spans)).fetchone())


def main() -> None:
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    connection = duckdb.connect(request["database"], config={"threads": THREADS})
    for folder in request.get("load", []):
        load(connection, Path(folder))
    answer = build(connection, request["tables"]) if "tables" in request else {}
    if "check" in request:
        answer["checksums"] = {table: checksum(connection, table) for table in request["check"]}
    json.dump(answer, sys.stdout)


main()

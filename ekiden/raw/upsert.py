"""Checked rows from a staging table into `raw`.

Belongs here: writing what is new or different, and nothing else. Does not belong here: any check (`checks`).
"""

from collections.abc import Sequence
from typing import LiteralString

from psycopg import Connection, sql

from ekiden.raw.checks import typed
from ekiden.raw.shape import Table
from ekiden.raw.staging import staged


def upsert(connection: Connection, table: Table, columns: Sequence[str], zone: str) -> tuple[int, int]:
    """Return how many rows were inserted and how many updated; the caller holds the table's lock.

    Two statements instead of `insert ... on conflict`: that one locks, and so writes, every row that is there
    already, which makes loading the same million rows again cost as much as loading them first.
    """
    names = {
        "table": sql.Identifier("raw", table.name),
        "columns": _joined("{}", columns),
        "row": sql.SQL("(select {} from {}) as row").format(
            sql.SQL(", ").join(
                sql.SQL("{} as {}").format(typed(table.column(name), sql.Identifier(name), zone), sql.Identifier(name))
                for name in columns
            ),
            staged(table),
        ),
        "same_key": _joined("old.{0} = row.{0}", table.key, " and "),
    }
    values = [name for name in columns if name not in table.key]
    is_empty = connection.execute(sql.SQL("select from {table} limit 1").format(**names)).fetchone() is None
    updated = 0
    if values and not is_empty:
        new = {
            name: sql.SQL(
                # a tag's grant is not refreshed by granting it again
                "least(old.{0}, row.{0})" if table.column(name).earliest_stays else "row.{0}"
            ).format(sql.Identifier(name))
            for name in values
        }
        update = sql.SQL(
            "update {table} as old set {assignments}, loaded_at = now() from {row}"
            " where {same_key} and row({old}) is distinct from row({new})"
        )
        updated = connection.execute(
            update.format(
                **names,
                assignments=sql.SQL(", ").join(
                    sql.SQL("{} = {}").format(sql.Identifier(name), value) for name, value in new.items()
                ),
                old=_joined("old.{}", values),
                new=sql.SQL(", ").join(new.values()),
            )
        ).rowcount
    insert = sql.SQL("insert into {table} ({columns}) select {columns} from {row}").format(**names)
    if not is_empty:
        absent = sql.SQL("where not exists (select from {table} as old where {same_key})").format(**names)
        insert = sql.SQL(" ").join([insert, absent])
    inserted = connection.execute(insert).rowcount
    if inserted or updated:
        connection.execute(sql.SQL("analyze {table}").format(**names))
    return inserted, updated


def _joined(template: LiteralString, names: Sequence[str], separator: LiteralString = ", ") -> sql.Composed:
    return sql.SQL(separator).join(sql.SQL(template).format(sql.Identifier(name)) for name in names)

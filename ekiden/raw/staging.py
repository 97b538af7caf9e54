"""The staging tables of one load: every value as text, with the line it came from.

Belongs here: making, filling and dropping them. Does not belong here: judging (`checks`) or using (`upsert`)
what is in them.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from psycopg import Connection, sql

from ekiden.raw.contract import CONTRACT
from ekiden.raw.csv_source import CsvSource
from ekiden.raw.faults import Fault, FaultList
from ekiden.raw.folder import SourceFile
from ekiden.raw.shape import Table

if TYPE_CHECKING:
    from ekiden.raw.parquet_source import ParquetSource


def staged(table: Table) -> sql.Identifier:
    """Return the name of a table's staging table."""
    return sql.Identifier("staged_" + table.name)


def create_staging(connection: Connection) -> None:
    """Make an empty staging table for every raw table; they end with the transaction."""
    for table in CONTRACT:
        columns = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in table.column_names)
        create = sql.SQL("create temporary table {} ({}, line bigint not null) on commit drop")
        connection.execute(create.format(staged(table), columns))


def drop_staging(connection: Connection) -> None:
    """Drop the staging tables: a caller's transaction may go on, and may load again."""
    for table in CONTRACT:
        connection.execute(sql.SQL("drop table {}").format(staged(table)))


def stage(
    connection: Connection, file: SourceFile, faults: FaultList, progress: Callable[[int, int], None]
) -> tuple[str, ...]:
    """Copy the file's rows into its staging table and return the columns it has, none if unreadable.

    `progress` is called with how much of how much was read. An empty value, quoted or not, is null.
    """
    with ExitStack() as stack:
        source: CsvSource | ParquetSource
        if file.is_parquet:
            # pyarrow takes half a second to import, and most commands read no Parquet
            from ekiden.raw import parquet_source  # noqa: PLC0415

            source = parquet_source.ParquetSource(file, faults)
        else:
            try:
                stream = stack.enter_context(file.path.open("rb"))
            except OSError as error:
                # it was there when the folder was listed
                faults.add_unreadable(Fault(file.name, f"cannot be read: {error.strerror}"))
                return ()
            source = CsvSource(file, stream, faults)
        if source.header is None:
            return ()
        columns = sql.SQL(", ").join(map(sql.Identifier, source.header))
        statement = sql.SQL("copy {staged} ({columns}, line) from stdin (format csv, force_null ({columns}))").format(
            staged=staged(file.table), columns=columns
        )
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for block in source.blocks():
                copy.write(block)
                progress(source.done, source.total)
        _analyze(connection, file.table)
        return tuple(source.header)


def _analyze(connection: Connection, table: Table) -> None:
    # enough to choose between a hash and a loop; the default sample of 30,000 rows takes longer than a check
    usual = connection.execute("select current_setting('default_statistics_target')").fetchone()
    assert usual is not None  # a setting always has a value
    connection.execute("select set_config('default_statistics_target', '10', true)")
    connection.execute(sql.SQL("analyze {}").format(staged(table)))
    connection.execute("select set_config('default_statistics_target', %s, true)", usual)

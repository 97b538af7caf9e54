"""`ekiden load DIR`: a folder of files into schema `raw`, all of it or nothing.

Belongs here: the order of the steps and what is reported of them. Does not belong here: any one step
(`folder`, `staging`, `checks`, `upsert`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from psycopg import Connection, sql

from ekiden.raw.checks import check_keys, check_reference, check_values
from ekiden.raw.contract import CUSTOMER_HISTORY
from ekiden.raw.faults import Fault, FaultList, LoadRefused, schema_only_read
from ekiden.raw.folder import SourceFile, packed_files, source_files, state_of
from ekiden.raw.staging import create_staging, drop_staging, stage, staged
from ekiden.raw.upsert import upsert
from ekiden.settings.shop import RAW_SCHEMA

__all__ = ["LoadProgress", "LoadRefused", "LoadReport", "Stage", "TableReport", "load"]

WORK_MEMORY = "128MB"
"""For one sort or hash table of a check: 1.5 million keys fit, and a small machine bears it."""


class Stage(StrEnum):
    """What is being done with a file."""

    READING = "reading"
    CHECKING = "checking"
    WRITING = "writing"


@dataclass(frozen=True)
class LoadProgress:
    """How far one file is: `done` of `total` bytes (CSV) or rows (Parquet); 0 of 1 and 1 of 1 once read."""

    file: str
    stage: Stage
    done: int
    total: int


@dataclass(frozen=True)
class TableReport:
    """What one file's rows became."""

    table: str
    file: str
    rows_read: int
    inserted: int
    updated: int

    @property
    def unchanged(self) -> int:
        return self.rows_read - self.inserted - self.updated


@dataclass(frozen=True)
class LoadReport:
    """What a load did, in the contract's order of tables; absent files are absent here."""

    folder: Path
    tables: tuple[TableReport, ...]
    packed: tuple[str, ...] = ()
    """Files that were left alone: tables, by their names, that only stand there packed."""

    @property
    def rows_read(self) -> int:
        return sum(table.rows_read for table in self.tables)


@dataclass(frozen=True)
class _Staged:
    file: SourceFile
    columns: tuple[str, ...]


def load(
    connection: Connection,
    folder: Path,
    zone: ZoneInfo,
    progress: Callable[[LoadProgress], None] | None = None,
    *,
    raw_schema: str = RAW_SCHEMA,
) -> LoadReport:
    """Load a folder's files into `raw`, in one transaction, and return what became of their rows.

    Rows are inserted or updated by key; rows and columns the files do not have stay as they are. Times
    without an offset are local times of `zone`; one that a clock change skips is read with the offset before
    it, one that comes twice is read as the second (standard time), as PostgreSQL does. Raises LoadRefused,
    having written nothing, with every fault there is, and where the models read another `raw_schema`.
    """
    tell = progress or (lambda _: None)
    faults = FaultList()
    _refuse_what_nobody_reads(folder, raw_schema, faults)
    files = source_files(folder, faults)
    packed = tuple(packed_files(folder, files))
    before = {file: state_of(file.path) for file in files}
    with connection.transaction():
        connection.execute("select set_config('work_mem', %s, true)", [WORK_MEMORY])
        create_staging(connection)
        stages = [_Staged(file, _stage(connection, file, faults, tell)) for file in files]
        _lock(connection, files)
        for staging in stages:
            _check(connection, staging, zone, faults, tell)
        for file in files:
            # the last row so far may have all its fields, and what the last of them lacks yet would be the default
            if state_of(file.path) != before[file]:
                faults.add(Fault(file.name, "was changed while it was being read; load it once it is complete"))
        faults.refuse_if_any()
        # history first: what a file tells of it need not be guessed when a customer's record changes
        in_order = sorted(stages, key=lambda staging: staging.file.table is not CUSTOMER_HISTORY)
        written = {staging.file: _write(connection, staging, zone, tell) for staging in in_order}
        drop_staging(connection)
    return LoadReport(folder, tuple(written[staging.file] for staging in stages), packed)


def _refuse_what_nobody_reads(folder: Path, raw_schema: str, faults: FaultList) -> None:
    if raw_schema != RAW_SCHEMA:
        faults.add(Fault(str(folder), schema_only_read("loaded", raw_schema, "fill its tables yourself")))
    faults.refuse_if_any()


def _stage(
    connection: Connection, file: SourceFile, faults: FaultList, tell: Callable[[LoadProgress], None]
) -> tuple[str, ...]:
    def tell_read(done: int, total: int) -> None:
        tell(LoadProgress(file.name, Stage.READING, done, total))

    tell_read(0, 1)
    columns = stage(connection, file, faults, tell_read)
    tell_read(1, 1)
    return columns


def _lock(connection: Connection, files: list[SourceFile]) -> None:
    """Keep other writers out until the end, so that what was checked still holds; readers go on."""
    if files:
        tables = sql.SQL(", ").join(sql.Identifier(RAW_SCHEMA, file.table.name) for file in files)
        connection.execute(sql.SQL("lock table {} in share row exclusive mode").format(tables))


def _check(
    connection: Connection,
    staging: _Staged,
    zone: ZoneInfo,
    faults: FaultList,
    tell: Callable[[LoadProgress], None],
) -> None:
    file, table = staging.file, staging.file.table
    if not staging.columns:
        return
    tell(LoadProgress(file.name, Stage.CHECKING, 0, 1))
    before = faults.totals[file.name]
    check_values(connection, file, [table.column(name) for name in staging.columns], faults)
    if faults.totals[file.name] == before:
        check_keys(connection, file, zone.key, faults)
    incomplete = {Path(name).stem for name in faults.incomplete}
    for name in staging.columns:
        reference = table.column(name).reference
        # what a file that was not read to the end lacks is not this file's fault
        if reference and reference.table not in incomplete:
            check_reference(connection, file, table.column(name), faults)
    tell(LoadProgress(file.name, Stage.CHECKING, 1, 1))


def _write(
    connection: Connection, staging: _Staged, zone: ZoneInfo, tell: Callable[[LoadProgress], None]
) -> TableReport:
    file = staging.file
    tell(LoadProgress(file.name, Stage.WRITING, 0, 1))
    count = connection.execute(sql.SQL("select count(*) from {}").format(staged(file.table))).fetchone()
    assert count is not None  # an aggregate gives one row
    inserted, updated = upsert(connection, file.table, staging.columns, zone.key)
    tell(LoadProgress(file.name, Stage.WRITING, 1, 1))
    return TableReport(file.table.name, file.name, count[0], inserted, updated)

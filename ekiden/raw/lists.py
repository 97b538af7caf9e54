"""`ekiden list import`: the people of one file onto a list, `raw.list_members`, all of them or nobody (R-206).

Belongs here: what is particular to a list; staging, checks and writing are those of any load. Does not belong here:
the folder that lists are laid in (`list_folder`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

from ekiden.database.statements import statement
from ekiden.raw.checks import IDENTIFIER_BYTES, check_reference, check_values, drop_broken, drop_unreferenced, typed
from ekiden.raw.contract import CUSTOMER, LIST_MEMBERS
from ekiden.raw.encodings import Encoding, look_at
from ekiden.raw.faults import Fault, FaultList, schema_only_read
from ekiden.raw.folder import FileState, SourceFile, state_of
from ekiden.raw.load import WORK_MEMORY
from ekiden.raw.shape import Table
from ekiden.raw.staging import create_staging, drop_staging, stage, staged
from ekiden.raw.upsert import upsert
from ekiden.schedule.runs import RunContext
from ekiden.settings import Settings
from ekiden.settings.shop import RAW_SCHEMA


@dataclass(frozen=True)
class BegunScenario:
    """A scenario that begins with coming onto a list."""

    scenario_code: str
    status: str


@dataclass(frozen=True)
class ListReport:
    """What an import did: each row read came onto the list, was on it already, stands in the file twice or was bad.

    `faults` are the first of the bad rows that were left out, and only asked for may any be.
    """

    list_code: str
    file: Path
    encoding: str
    rows_read: int
    added: int
    already_listed: int
    repeated: int
    left_out: int
    faults: tuple[Fault, ...]
    scenarios: tuple[BegunScenario, ...]


def import_list(
    connection: Connection[Any],
    file: Path,
    list_code: str,
    *,
    now: datetime,
    settings: Settings,
    context: RunContext,
    encoding: Encoding = Encoding.AUTO,
    skip_bad_rows: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> ListReport:
    """Put the customers of a CSV or Parquet file onto a list, in one transaction, and return what became of its rows.

    Who comes onto it does so at `now`, unless the file says when; who is on it already stays since then. Raises
    `LoadRefused` with every fault there is, nobody having come onto the list; with `skip_bad_rows` only where the file
    as a whole cannot be read, where nobody can say how many of its rows were not, or where all of it is bad;
    `ValueError` without an actor. `progress` is called with how much of how much was read.
    """
    if not context.actor.strip():
        raise ValueError("an import needs an actor: say who you are")
    faults = FaultList()
    _check_request(file, list_code, settings, faults)
    before = state_of(file)
    found = look_at(file)
    # an encoding that was asked for is taken at its word
    source = SourceFile(file, _table(list_code), found.encoding if encoding is Encoding.AUTO else encoding)
    is_readable = source.is_parquet or source.encoding in found.possible
    with connection.transaction():
        connection.execute("select set_config('work_mem', %s, true)", [WORK_MEMORY])
        create_staging(connection)
        columns = stage(connection, source, faults, progress or (lambda _done, _total: None))
        unread = faults.totals[source.name]
        if not columns or not is_readable:
            faults.refuse_if_any()
        if skip_bad_rows:
            _refuse_if_torn(source, faults)
        rows_read = unread + _count(connection)
        if not rows_read:
            faults.add(Fault(source.name, "has no rows; a list has at least one"))
        # what is on the list now is on it until the end; readers go on
        connection.execute("lock table raw.list_members in share row exclusive mode")
        left_out = unread + _check(connection, source, columns, faults, skip_bad_rows=skip_bad_rows)
        if not skip_bad_rows or left_out == rows_read:
            faults.refuse_if_any()
        repeated, already_listed = _complete(connection, source.table, list_code, now, settings)
        added, _ = upsert(connection, LIST_MEMBERS, LIST_MEMBERS.column_names, settings.time_zone)
        drop_staging(connection)
        _refuse_if_changed(file, before)
        begun = connection.execute(statement(__file__, "scenarios_of_list"), {"list_code": list_code})
        report = ListReport(
            list_code,
            file,
            encoding="parquet" if source.is_parquet else source.encoding,
            rows_read=rows_read,
            added=added,
            already_listed=already_listed,
            repeated=repeated,
            left_out=left_out,
            faults=tuple(sorted(faults.kept, key=lambda fault: fault.line or 0)),
            scenarios=tuple(BegunScenario(*row) for row in begun),
        )
        _record(connection, report, sha256=found.sha256, now=now, context=context)
    return report


def _check_request(file: Path, list_code: str, settings: Settings, faults: FaultList) -> None:
    name_is_usable = list_code.strip() == list_code and list_code.isprintable()
    if not list_code or not name_is_usable or len(list_code.encode()) > IDENTIFIER_BYTES:
        reason = f"is no name of a list; write at most {IDENTIFIER_BYTES} bytes of text, no blanks around it"
        faults.add(Fault(file.name, reason, column="list_code", value=list_code))
    if not file.is_file():
        faults.add(Fault(file.name, f"is not a file in {file.parent}"))
    if settings.raw_schema != RAW_SCHEMA:
        instead = "put the list into its list_members yourself"
        faults.add(Fault(file.name, schema_only_read("imported", settings.raw_schema, instead)))
    faults.refuse_if_any()


def _table(list_code: str) -> Table:
    """Return what a list's file may hold: customers, and of the rest only what does not contradict the list's name."""
    list_column = replace(LIST_MEMBERS.column("list_code"), required=False, allowed=(list_code,))
    added_column = replace(LIST_MEMBERS.column("added_at"), required=False)
    return replace(LIST_MEMBERS, columns=(list_column, CUSTOMER, added_column), key=("customer_id",))


def _check(
    connection: Connection[Any],
    source: SourceFile,
    names: tuple[str, ...],
    faults: FaultList,
    *,
    skip_bad_rows: bool,
) -> int:
    """Find the bad rows, and delete them where they are to be skipped; return how many were deleted."""
    columns = [source.table.column(name) for name in names]
    deleted = 0
    check_values(connection, source, columns, faults)
    if skip_bad_rows:
        deleted = drop_broken(connection, source, columns)
    check_reference(connection, source, CUSTOMER, faults)
    if skip_bad_rows:
        deleted += drop_unreferenced(connection, source, CUSTOMER)
    return deleted


def _complete(
    connection: Connection[Any], table: Table, list_code: str, now: datetime, settings: Settings
) -> tuple[int, int]:
    """Fill in what the file leaves out and keep only who is new; return how many were repeated, and listed before."""
    values = {"list_code": list_code, "now": now.isoformat()}
    connection.execute(statement(__file__, "complete_list"), values)
    added_at = typed(table.column("added_at"), sql.Identifier("added_at"), settings.time_zone)
    repeated = connection.execute(statement(__file__, "drop_repeated").format(added_at=added_at)).rowcount
    return repeated, connection.execute(statement(__file__, "drop_listed"), values).rowcount


def _count(connection: Connection[Any]) -> int:
    count = connection.execute(sql.SQL("select count(*) from {}").format(staged(LIST_MEMBERS))).fetchone()
    assert count is not None  # an aggregate gives one row
    return int(count[0])


def _record(
    connection: Connection[Any], report: ListReport, *, sha256: str, now: datetime, context: RunContext
) -> None:
    connection.execute(
        statement(__file__, "record_imported_list"),
        {
            **vars(report),
            "file_name": report.file.name,
            "sha256": sha256,
            "actor": context.actor,
            "dagster_run_id": context.dagster_run_id,
            "now": now,
        },
    )


def _refuse_if_torn(source: SourceFile, faults: FaultList) -> None:
    """Refuse a file of which more is missing than its faults count: no value of a list has several lines."""
    if torn := faults.torn.get(source.name):
        reason = f"{torn.reason}: how many rows are lost by it nobody can say, so it cannot be left out; mend the file"
        broken = FaultList()
        broken.add(replace(torn, reason=reason))
        broken.refuse_if_any()


def _refuse_if_changed(file: Path, before: FileState | None) -> None:
    if state_of(file) != before:
        broken = FaultList()
        broken.add(Fault(file.name, "was changed while it was being read; import it again once it is complete"))
        broken.refuse_if_any()

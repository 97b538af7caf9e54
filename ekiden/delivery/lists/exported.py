"""What the ledger keeps of exported lists: their files, and whose list a run's file is.

Belongs here: `outreach.exported_files`, written and read. Does not belong here: marking anybody (`export`), and the
files themselves (`export_files`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.statements import statement
from ekiden.delivery.lists.export_files import FileOptions, WrittenFile
from ekiden.errors import SaysEnough


@dataclass(frozen=True)
class ExportedFile:
    """One file that the ledger knows; `is_copy`: a list that was written again. Instants are aware, in UTC."""

    written_at: datetime
    actor: str
    file_name: str
    row_count: int
    scenario_code: str | None
    channel: str | None
    sha256: str
    run_id: UUID
    list_run_id: UUID
    is_copy: bool


class ExportRefused(SaysEnough, ValueError):
    """What was asked for cannot be exported; nothing was marked."""


@dataclass(frozen=True)
class Selection:
    """What an export is narrowed to; None: not narrowed."""

    scenario: str | None
    channel: str | None

    @property
    def scenarios(self) -> tuple[str, ...]:
        """The scenarios named: the one it is narrowed to, or none."""
        return (self.scenario,) if self.scenario else ()


@dataclass(frozen=True)
class KnownExport:
    """Whose list a run's file is, and how it was written, where the ledger has a file of it."""

    list_run_id: UUID
    format: str | None
    byte_order_mark: bool | None
    verbatim: bool | None
    scenario_code: str | None
    channel: str | None
    sha256: str | None
    row_count: int | None


def exported_files(connection: Connection[Any], *, limit: int) -> list[ExportedFile]:
    """Return at most `limit` files of exports, the latest first."""
    with connection.cursor(row_factory=class_row(ExportedFile)) as cursor:
        return cursor.execute(statement(__file__, "exported_files"), {"limit": limit}).fetchall()


def record_file(
    connection: Connection[Any],
    written: WrittenFile,
    selection: Selection,
    options: FileOptions,
    *,
    run_id: UUID,
    list_run_id: UUID,
    now: datetime,
) -> None:
    """Record the file of a run, within the transaction that marks its people."""
    connection.execute(
        statement(__file__, "record_exported_file"),
        {
            "run_id": run_id,
            "list_run_id": list_run_id,
            "file_name": written.final_path.name,
            "format": options.form,
            "byte_order_mark": options.byte_order_mark,
            "verbatim": options.verbatim,
            "scenario": selection.scenario,
            "channel": selection.channel,
            "row_count": written.row_count,
            "neutralised": written.neutralised,
            "byte_count": written.byte_count,
            "sha256": written.sha256,
            "now": now,
        },
    )


def marked(connection: Connection[Any], runs: Collection[UUID]) -> set[UUID]:
    """Return which of the runs marked the people of their file."""
    found = connection.execute(statement(__file__, "finished_exports"), {"run_ids": list(runs)})
    return {run_id for (run_id,) in found}


def known_export(connection: Connection[Any], run_id: UUID) -> KnownExport:
    """Return the list of a run; raises `ExportRefused` where it exported nobody."""
    with connection.cursor(row_factory=class_row(KnownExport)) as cursor:
        known = cursor.execute(statement(__file__, "known_export"), {"run_id": run_id}).fetchone()
    if known is None:
        raise ExportRefused(f"run {run_id} exported no list; `ekiden exports` shows those that did")
    return known

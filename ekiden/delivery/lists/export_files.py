"""The files of exported lists: how they are written, named, finished and, where nobody was marked, set aside.

A file is written under a name that ends in `.unfinished`, and gets its own only once its people are marked. Belongs
here: files and folders. Does not belong here: who is on a list, and the ledger (`export`).
"""

import csv
import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from ekiden.database.place import make_durable

ROWS_PER_BLOCK = 10_000
"""Rows in memory at once: some megabytes, and long enough that the cost of a block does not show."""

UNFINISHED = ".unfinished"
VOID = ".void"
"""Behind the name of a file whose people nobody marked: they are on the next list again."""

FORMULA_STARTS = re.compile("(^|;)(?=[=+@\t\r\n\0＝＋－＠-])")
"""What makes a spreadsheet take a cell for a formula (CWE-1236, OWASP ASVS 1.2.10), full-width in Japanese ones; behind
a semicolon as well, which parts the cells where the comma is in numbers."""

_NAME = re.compile(
    r"\d{8}T\d{6}Z-(?P<run_id>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(csv|parquet)(?P<rest>\.unfinished)?"
)


class ExportFormat(StrEnum):
    """How a list is written."""

    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True)
class FileOptions:
    """How a list's file is written; the last two concern CSV only."""

    form: ExportFormat = ExportFormat.CSV
    byte_order_mark: bool = False
    """True: begin with the mark by which Excel knows UTF-8."""
    verbatim: bool = False
    """True: leave cells as they are that a spreadsheet takes for formulas; for a program that reads the file."""


AS_CSV = FileOptions()


@dataclass(frozen=True)
class WrittenFile:
    """A complete list on disk, not finished yet."""

    path: Path
    row_count: int
    neutralised: int
    byte_count: int
    sha256: str

    @property
    def final_path(self) -> Path:
        return self.path.with_name(self.path.name.removesuffix(UNFINISHED))


@dataclass(frozen=True)
class InterruptedFiles:
    """What was found in the folder of earlier exports: names that were finished, and that were set aside."""

    finished: tuple[str, ...] = ()
    void: tuple[str, ...] = ()


class Rows(Protocol):
    """A cursor on a list: its columns' names, and its rows block by block."""

    @property
    def names(self) -> Sequence[str]: ...

    def blocks(self) -> Iterator[list[tuple[Any, ...]]]: ...


def file_name(now: datetime, run_id: UUID, form: ExportFormat) -> str:
    """Return the name of a run's file, which begins with its instant in UTC."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{run_id}.{form}"


def write(folder: Path, name: str, rows: Rows, options: FileOptions) -> WrittenFile:
    """Write all rows to an unfinished file in `folder` and return it once it is safe on disk.

    Leaves nothing behind where it fails.
    """
    # names, addresses and telephone numbers are for nobody else on the machine; who wants others to read them makes the
    # folder first
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{name}{UNFINISHED}"
    try:
        if options.form is ExportFormat.PARQUET:
            row_count, neutralised = _write_parquet(path, rows), 0
        else:
            row_count, neutralised = _write_csv(path, rows, options)
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    make_durable(folder)
    return WrittenFile(path, row_count, neutralised, path.stat().st_size, digest)


def finish(written: WrittenFile) -> Path:
    """Give a file its own name and return it."""
    written.path.rename(written.final_path)
    make_durable(written.final_path.parent)
    return written.final_path


def finish_interrupted(folder: Path, marked: Callable[[Collection[UUID]], Collection[UUID]]) -> InterruptedFiles:
    """Finish the files of earlier exports that marked their people, and set aside those that did not.

    `marked` returns which of the given runs did. Nobody may be exporting into the folder meanwhile.
    """
    if not folder.is_dir():
        return InterruptedFiles()
    found = {path: match for path in sorted(folder.iterdir()) if (match := _NAME.fullmatch(path.name))}
    known = marked({UUID(match["run_id"]) for match in found.values()})
    finished, void = [], []
    for path, match in found.items():
        name = path.name.removesuffix(UNFINISHED)
        if UUID(match["run_id"]) not in known:
            path.rename(path.with_name(f"{name}{VOID}"))
            void.append(name)
        elif match["rest"]:
            path.rename(path.with_name(name))
            finished.append(name)
    if finished or void:
        make_durable(folder)
    return InterruptedFiles(tuple(finished), tuple(void))


def _write_csv(path: Path, rows: Rows, options: FileOptions) -> tuple[int, int]:
    row_count = neutralised = 0
    encoding = "utf-8-sig" if options.byte_order_mark else "utf-8"
    with path.open("w", newline="", encoding=encoding) as stream:
        writer = csv.writer(stream)
        writer.writerow(rows.names)
        for block in rows.blocks():
            row_count += len(block)
            if options.verbatim:
                writer.writerows(block)
                continue
            for row in block:
                cells = [_harmless(cell) for cell in row]
                neutralised += sum(new != old for new, old in zip(cells, row, strict=True))
                writer.writerow(cells)
    return row_count, neutralised


def _harmless(cell: Any) -> Any:
    return FORMULA_STARTS.sub(r"\1'", cell) if isinstance(cell, str) else cell


def _write_parquet(path: Path, rows: Rows) -> int:
    # pyarrow takes half a second to import, and most commands write no Parquet
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    types = {"step_no": pa.int32(), "due_date": pa.date32()}
    schema = pa.schema([(name, types.get(name, pa.string())) for name in rows.names])
    row_count = 0
    with pq.ParquetWriter(path, schema) as writer:
        for block in rows.blocks():
            columns = zip(*block, strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
            row_count += len(block)
    return row_count

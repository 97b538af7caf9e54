"""Which file of a folder holds which raw table, what its header must be, and whether it stands as it stood.

Belongs here: names of files and columns. Does not belong here: reading rows (`csv_source`,
`parquet_source`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ekiden.raw.contract import CONTRACT
from ekiden.raw.faults import Fault, FaultList
from ekiden.raw.shape import Table

CSV, PARQUET = ".csv", ".parquet"
PACKINGS = (".gz", ".zip", ".bz2", ".xz", ".zst")


@dataclass(frozen=True)
class FileState:
    """How a file stands at one look."""

    size: int
    modified_ns: int


def state_of(path: Path) -> FileState | None:
    """Return how a file stands; None if nothing is there (any more)."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return FileState(status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class SourceFile:
    """A file that holds the rows of one raw table."""

    path: Path
    table: Table
    encoding: str = "utf-8"
    """Of a CSV file."""

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def is_parquet(self) -> bool:
        return self.path.suffix.lower() == PARQUET


def source_files(folder: Path, faults: FaultList) -> list[SourceFile]:
    """Return the folder's files in the contract's order; what is wrong with their names goes to `faults`.

    Hidden files and files that end neither in .csv nor in .parquet are left alone.
    """
    if not folder.is_dir():
        faults.add(Fault(str(folder), "is not a folder; name the folder that holds the files"))
        return []
    known = {table.name + suffix for table in CONTRACT for suffix in (CSV, PARQUET)}
    present = {
        path.name: path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in (CSV, PARQUET) and not path.name.startswith(".")
    }
    for name in present.keys() - known:
        faults.add(Fault(name, f"is not a raw table{_meant(name, known)}; {_known_tables()}"))
    return [file for table in CONTRACT if (file := _source_file(table, present, faults))]


def packed_files(folder: Path, files: Sequence[SourceFile]) -> list[str]:
    """Return the packed files of tables that the folder has no other file of; they are left alone."""
    given = {file.table for file in files}
    names = {table.name + suffix for table in CONTRACT if table not in given for suffix in (CSV, PARQUET)}
    return sorted(path.name for path in folder.glob("*") if path.suffix.lower() in PACKINGS and path.stem in names)


def check_header(file: SourceFile, header: Sequence[str], faults: FaultList) -> bool:
    """Return whether `header` names the table's columns, each once and none that is required missing."""
    table, before = file.table, faults.totals[file.name]
    allowed = f"{table.name} has {', '.join(table.column_names)}"
    for number, name in enumerate(header, start=1):
        if not name:
            # a comma at the end of the line, or the index of a data frame
            faults.add(Fault(file.name, f"column {number} has no name; leave it out, or name it: {allowed}", 1))
    for name, times in Counter(filter(None, header)).items():
        if name not in table.column_names:
            meant = _meant(name, set(table.column_names))
            faults.add(Fault(file.name, f"is not a column{meant}; {allowed}", 1, name))
        elif times > 1:
            faults.add(Fault(file.name, f"is named {times} times; name it once", 1, name))
    for column in table.columns:
        if column.required and column.name not in header:
            faults.add(Fault(file.name, "is missing and required", 1, column.name))
    if faults.totals[file.name] == before:
        return True
    faults.incomplete.add(file.name)
    return False


def _source_file(table: Table, present: dict[str, Path], faults: FaultList) -> SourceFile | None:
    found = [present[table.name + suffix] for suffix in (CSV, PARQUET) if table.name + suffix in present]
    if not found:
        if table.required:
            reason = f"is missing and required; give {table.name}.csv or {table.name}.parquet"
            faults.add_unreadable(Fault(f"{table.name}.csv", f"{reason} (a header without rows will do)"))
        return None
    if len(found) > 1:
        reason = f"is there twice, {found[1].name} being the other; leave one"
        faults.add_unreadable(Fault(found[0].name, reason))
        return None
    if not found[0].is_file():
        faults.add_unreadable(Fault(found[0].name, "is not a file; give one file per table"))
        return None
    return SourceFile(found[0], table)


def _known_tables() -> str:
    return "the tables are " + ", ".join(table.name for table in CONTRACT)


def _meant(name: str, known: set[str]) -> str:
    close = get_close_matches(name.lower(), sorted(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""

"""What can be wrong with files to be loaded, and how it is told.

Belongs here: one fault, a bounded collection of them, and the refusal that carries them. Does not belong
here: finding faults (`folder`, `csv_source`, `parquet_source`, `checks`).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ekiden.errors import SaysEnough
from ekiden.shortening import shortened

SHOWN_PER_FILE = 100
"""Faults told of one file; the rest is only counted. More than a person reads at once."""

SHOWN_OF_VALUE = 60
"""Characters told of a value found; enough to find it again, short enough for one line of a terminal."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong, and where: `line` is a CSV's physical line, or a Parquet file's row counted from 1."""

    file: str
    reason: str
    line: int | None = None
    column: str | None = None
    value: str | None = None

    def __str__(self) -> str:
        place = [self.file]
        if self.line is not None:
            place.append(f"{'row' if self.file.endswith('.parquet') else 'line'} {self.line}")
        if self.column is not None:
            place.append(f"column {self.column}")
        found = "" if self.value is None else f"{shortened(self.value, SHOWN_OF_VALUE)!r} "
        return f"{', '.join(place)}: {found}{self.reason}"


@dataclass
class FaultList:
    """The faults found so far, at most `SHOWN_PER_FILE` kept of each file and all counted."""

    kept: list[Fault] = field(default_factory=list)
    totals: Counter[str] = field(default_factory=Counter)
    incomplete: set[str] = field(default_factory=set)
    """Files of which rows could not be read, so that nothing can be said about what they lack."""
    torn: dict[str, Fault] = field(default_factory=dict)
    """Files of which nobody can say how many rows could not be read, and the first place where that is so."""

    def add(self, fault: Fault) -> None:
        self.add_counted([fault], fault.file, 1)

    def add_counted(self, faults: Iterable[Fault], file: str, total: int) -> None:
        """Add `total` faults of `file`, of which `faults` are the first."""
        room = SHOWN_PER_FILE - min(self.totals[file], SHOWN_PER_FILE)
        self.kept.extend(list(faults)[:room])
        self.totals[file] += total

    def add_unreadable(self, fault: Fault) -> None:
        """Add a fault for which a row, or the whole file, was not read."""
        self.add(fault)
        self.incomplete.add(fault.file)

    def add_torn(self, fault: Fault) -> None:
        """Note that any number of rows may be lost with what `fault` tells of; it is not counted as one."""
        self.torn.setdefault(fault.file, fault)

    def refuse_if_any(self) -> None:
        """Raise LoadRefused if there is a fault."""
        if self.totals:
            kept = sorted(self.kept, key=lambda fault: (fault.file, fault.line or 0))
            raise LoadRefused(tuple(kept), dict(self.totals))


class LoadRefused(SaysEnough):
    """Files were not as the contract asks, and nothing of them was loaded.

    `faults` are the first of each file, in order of file and line; `totals` counts all of them by file.
    """

    def __init__(self, faults: tuple[Fault, ...], totals: dict[str, int]) -> None:
        self.faults = faults
        self.totals = totals
        count, files = sum(totals.values()), len(totals)
        head = f"{count} fault{'s' * (count != 1)} in {files} file{'s' * (files != 1)}; nothing was loaded"
        hidden = count - len(faults)
        tail = [f"... and {hidden} more"] if hidden else []
        super().__init__("\n".join([head, *map(str, faults), *tail]))

    @property
    def total(self) -> int:
        return sum(self.totals.values())


def schema_only_read(done: str, schema: str, instead: str) -> str:
    """Return why nothing can be `done` to a schema of the shop's own, and what to do `instead`."""
    return (
        f"cannot be {done}: the shop's tables are in the schema {schema} (EKIDEN_RAW_SCHEMA), which Ekiden only reads; "
        f"{instead}"
    )

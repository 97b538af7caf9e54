"""Logs that processes write for weeks: kept short, and read from their end.

Does not belong here: what is written into them, and dbt's own.
"""

import os
from contextlib import suppress
from pathlib import Path

LARGEST_LOG = 10 * 1024 * 1024
"""Bytes; the end of a longer one is put aside, in the place of the one before."""
LAST_WORDS = 20_000
"""Bytes at a log's end, to find its last lines in."""


def keep_short(log: Path, largest: int = LARGEST_LOG) -> None:
    """Put the end of a long log aside and empty it; whoever is writing to it goes on, for all write at its end."""
    # a disk that is full, or a file that went, is no reason to serve no more
    with suppress(OSError):
        if log.stat().st_size > largest:
            log.with_suffix(".log.old").write_bytes(_end_of(log, largest))
            os.truncate(log, 0)


def last_lines(log: Path, count: int = 15) -> str:
    """Return the last lines of a log, however long it is."""
    return "\n".join(_end_of(log, LAST_WORDS).decode("utf-8", errors="replace").splitlines()[-count:])


def _end_of(file: Path, size: int) -> bytes:
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - size))
        return stream.read(size)

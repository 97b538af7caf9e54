"""The folder that lists are laid in: a finished `NAME.csv` is imported as the list NAME and moved away with a report.

Belongs here: files, names and places. Does not belong here: the import (`lists`), and when to take a file (the sensor).
"""

import errno
import os
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg import Connection

from ekiden.raw.encodings import Encoding
from ekiden.raw.faults import Fault, LoadRefused
from ekiden.raw.folder import CSV, FileState, state_of
from ekiden.raw.lists import ListReport, import_list
from ekiden.schedule.runs import RunContext
from ekiden.settings import Settings

DONE, REFUSED = "done", "refused"
REPORT = ".report.txt"
STAYS = "it stays where it is, and is taken again once it stands still"
LONGEST_NAME = 200
"""Bytes kept of a file's name: with what is put around it, it must stay within the 255 of a file system."""


class FileChanged(RuntimeError):
    """A file is not the one any more that was to be taken; it stays where it is, as somebody may be writing it."""


@dataclass(frozen=True)
class TakenFile:
    """A file that was taken: where it is now, and what became of it; `refusal` where nobody came onto the list."""

    moved_to: Path
    report: ListReport | None = None
    refusal: LoadRefused | None = None


def list_code_of(file: Path) -> str:
    """Return the list that a file is for: its name without `.csv`, composed as people type it (macOS decomposes)."""
    return unicodedata.normalize("NFC", file.stem)


def files_in(folder: Path) -> dict[str, FileState]:
    """Return the lists in the folder by name; hidden files and those that are not named `.csv` yet are left alone.

    So are symbolic links: who may lay a file here could have any file read, and its first line said in the report.
    """
    if not folder.is_dir():
        return {}
    states = {}
    for path in sorted(folder.iterdir()):
        # a link first: one that leads into itself cannot even be looked at
        if path.suffix.lower() != CSV or path.name.startswith((".", "~")) or path.is_symlink():
            continue
        state = state_of(path)
        # none where somebody took it meanwhile
        if state and path.is_file():
            states[path.name] = state
    return states


def take(
    connection: Connection[Any],
    file: Path,
    *,
    now: datetime,
    settings: Settings,
    context: RunContext,
    list_code: str | None = None,
    encoding: Encoding = Encoding.AUTO,
    skip_bad_rows: bool = False,
    asked_for: FileState | None = None,
) -> TakenFile:
    """Import a file and move it to `done/` or `refused/` beside it, with a report; return where it is now.

    A crash before the move leaves the file where it is; taken again, it changes nothing. Raises `FileNotFoundError`,
    also where a symbolic link would have to be followed, and `FileChanged` where the file is not as it was `asked_for`,
    or did not stay so.
    """
    for place in (DONE, REFUSED):
        # before anybody comes onto the list of a file that could not be moved away
        if (file.parent / place).is_symlink():
            raise _link_found(file.parent / place)
    if file.is_symlink():
        raise FileNotFoundError(f"{file} is a symbolic link, which is not followed; lay the file itself there")
    if not file.is_file():
        raise FileNotFoundError(
            f"{file} is not there; it may have been taken already: look into {DONE}/ and {REFUSED}/"
        )
    seen = state_of(file)
    if asked_for and seen != asked_for:
        raise FileChanged(f"{file.name} was changed after it was asked for: {STAYS}")
    try:
        report = import_list(
            connection,
            file,
            list_code or list_code_of(file),
            now=now,
            settings=settings,
            context=context,
            encoding=encoding,
            skip_bad_rows=skip_bad_rows,
        )
    except LoadRefused as refusal:
        if state_of(file) != seen:
            raise FileChanged(f"{file.name} was changed while it was being read: {STAYS}") from None
        return TakenFile(_move(file, REFUSED, now, str(refusal)), refusal=refusal)
    if state_of(file) != seen:
        raise FileChanged(f"{file.name} was changed after it was read ({in_words(report)}): {STAYS}")
    return TakenFile(_move(file, DONE, now, in_words(report)), report)


def in_words(report: ListReport) -> str:
    """Return what an import did, for a person."""
    counts = [
        f"list {report.list_code}: {report.added} of {report.rows_read} rows added ({report.encoding})",
        f"{report.already_listed} on the list already",
        *([f"{report.repeated} twice in the file"] if report.repeated else []),
        *([f"{report.left_out} bad and left out"] if report.left_out else []),
    ]
    begun = [f"{scenario.scenario_code} ({scenario.status})" for scenario in report.scenarios]
    users = f"begins {', '.join(begun)}" if begun else "no scenario begins with this list"
    return "\n".join([", ".join(counts), users, *_shown(report.faults, report.left_out)])


def _shown(faults: Iterable[Fault], total: int) -> list[str]:
    shown = [str(fault) for fault in faults]
    hidden = total - len(shown)
    return [*shown, *([f"... and {hidden} more"] if hidden > 0 else [])]


def _move(file: Path, place: str, now: datetime, report: str) -> Path:
    folder = file.parent / place
    folder.mkdir(exist_ok=True)
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    name = os.fsencode(file.stem)[:LONGEST_NAME].decode(errors="ignore") + file.suffix
    with _opened(folder) as opened:
        # two lists of one name within a second, or after a clock was set back, keep their own
        for number in ["", *(f"-{number}" for number in range(2, 1_000))]:
            target = f"{stamp}{number}-{name}"
            # a link counts as well, wherever it leads: who may lay a file here could have any file written. And the
            # report first: whoever finds the file finds it too
            if not _is_taken(target, opened) and _is_written(target + REPORT, f"{report}\n", opened):
                os.rename(file, target, dst_dir_fd=opened)
                return folder / target
    raise FileExistsError(f"{folder} holds a thousand lists of the name {stamp}-{name}; clear it")


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """Yield the folder itself: a link that is laid in its place meanwhile leads nowhere. Raises `FileNotFoundError`."""
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        # systems differ in what they call it
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
            raise _link_found(folder) from error
        raise
    try:
        yield opened
    finally:
        os.close(opened)


def _link_found(folder: Path) -> FileNotFoundError:
    return FileNotFoundError(f"{folder} is a symbolic link, which is not followed; make it a folder of its own")


def _is_taken(name: str, folder: int) -> bool:
    try:
        os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True


def _is_written(name: str, text: str, folder: int) -> bool:
    """Write a new file; return False where there is one of the name, or a link."""

    def make(path: str, flags: int) -> int:
        return os.open(path, flags, 0o666, dir_fd=folder)

    try:
        with open(name, "x", encoding="utf-8", opener=make) as file:
            file.write(text)
    except FileExistsError:
        return False
    return True

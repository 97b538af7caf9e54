"""Where the embedded server's files lie, and who owns them.

All lie in the server's home, unless root's home is closed to the account that runs the server (`/root` is
0700 nearly everywhere, and opening it is not ours to do). Then they lie in a folder of their own under
`/var/lib/ekiden`, where the operating system keeps the data of services: durable, unlike anything under
`/tmp`. The home then holds the file `data_elsewhere` with that folder's path, so that the choice, once made,
stays. Not here: what runs there.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from ekiden.database.account import Account, can_enter, give, is_root, unprivileged_account
from ekiden.database.errors import DatabaseUnavailable

ELSEWHERE = Path("/var/lib/ekiden")
# the account passes through these folders; only what it owns can it list or change
PASSABLE = 0o711


@dataclass(frozen=True)
class Place:
    """The folder of one server's files, and the account that runs it (`None`: the present user)."""

    folder: Path
    account: Account | None = None

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder; it exists only complete (see `cluster.initialise`)."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the server and its programs said."""
        return self.folder / "server.log"

    @property
    def server_lock(self) -> Path:
        """What the server's processes hold a lock of while they live."""
        return self.folder / "server.lock"

    @property
    def password_file(self) -> Path:
        """The password of the server's one role, readable by the present user alone."""
        return self.folder / "password"

    @property
    def port_file(self) -> Path:
        """The port of the last start, tried first at the next one."""
        return self.folder / "port"


def known_place(home: Path) -> Place:
    """Return the place of the server of `home` as it is recorded; changes nothing and asks nobody."""
    pointer = _pointer(home)
    return Place(Path(pointer.read_text("utf-8").strip()) if pointer.exists() else home)


def prepare_place(home: Path, elsewhere: Path) -> Place:
    """Return the place of the server of `home`, made ready. The caller holds the home's lock."""
    if not is_root():
        return known_place(home)
    home.chmod(PASSABLE)  # the server's own folder, made by us, whatever the umask was
    folder = known_place(home).folder
    account = _owner(folder / "data") or unprivileged_account()
    if not can_enter(account, folder):
        if folder != home or (home / "data").exists():
            raise DatabaseUnavailable(
                f"The database's files in {folder} are closed to the account that runs the server (user id "
                f"{account.uid}), because PostgreSQL does not run as root. Allow it to pass through the "
                "folders above (chmod o+x), or move EKIDEN_HOME to where it may."
            )
        folder = _make_folder_elsewhere(home, elsewhere)
    if (folder / "data").exists() and _owner(folder / "data") is None:
        give(folder / "data", account)  # copied by root, and so root's
    return Place(folder, account)


def _pointer(home: Path) -> Path:
    return home / "data_elsewhere"


def _owner(data: Path) -> Account | None:
    """Return who owns the data folder, or `None` if it is absent or root's."""
    if not data.exists():
        return None
    status = data.stat()
    return Account(status.st_uid, status.st_gid) if status.st_uid != 0 else None


def _make_folder_elsewhere(home: Path, elsewhere: Path) -> Path:
    # a random name: a home removed and made again starts afresh instead of finding the old one's data
    folder = elsewhere / secrets.token_hex(8)
    try:
        elsewhere.mkdir(exist_ok=True)
        elsewhere.chmod(PASSABLE)
        folder.mkdir()
        folder.chmod(PASSABLE)
    except OSError as error:
        raise DatabaseUnavailable(
            f"{home} is closed to the account that must run PostgreSQL for root, and {elsewhere} cannot be "
            f"used instead: {error}. Set EKIDEN_HOME to a folder every account may pass through, or "
            "EKIDEN_DATABASE_URL to a server."
        ) from error
    write_whole(_pointer(home), f"{folder}\n")
    return folder


def write_whole(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a small file so that a crash at any moment leaves the old one or the new one, never a part."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def make_durable(path: Path) -> None:
    """Make a file's contents, or a folder's names, survive a loss of power: a file whose name is lost is lost."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

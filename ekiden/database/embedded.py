"""The embedded PostgreSQL server: started on demand, shared by every process of a deployment, durable.

One file lock surrounds "make the data folder if needed, start if needed". Alive means that a connection to
this data folder's server succeeds, not that a file says so; a second lock, which the server inherits, keeps
another from starting where no connection and no process can be seen, as from another container. The server
belongs to no process: whoever promises to stop it calls `stop`. Not here: databases and tables in it
(`connection`, `migrations`).
"""

import fcntl
import os
import shlex
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import IO

import psycopg

from ekiden.database.account import Account, run
from ekiden.database.binaries import Binaries, usable_binaries
from ekiden.database.cluster import ROLE, initialise, log_since
from ekiden.database.errors import DatabaseUnavailable
from ekiden.database.place import ELSEWHERE, Place, known_place, prepare_place, write_whole
from ekiden.database.postmaster import forget_dead_postmaster, is_process_of, running_postmaster
from ekiden.database.server_options import server_options

HOST = "127.0.0.1"
PATIENCE = 600.0  # seconds; recovery after a crash reads up to max_wal_size again, under load in minutes
RETRY_PAUSE = 0.5  # seconds
# a killed server's children keep its shared memory until they notice; a busy one notices after its query
LEAVING_ATTEMPTS = 120
OTHER_ATTEMPTS = 3
ANSWER_TIMEOUT = 10  # seconds for one connection on this very machine, even under heavy load
LARGEST_LOG = 10 * 1024 * 1024  # bytes; a longer one makes room at the next start


class _Answer(Enum):
    OURS = auto()
    WRONG_PASSWORD = auto()
    NONE = auto()


@dataclass(frozen=True)
class ServerStatus:
    """What is known about an embedded server; holds no password."""

    running: bool
    process_id: int | None
    host: str
    port: int | None
    data_folder: Path
    log: Path


class EmbeddedServer:
    """The server of one home folder. Any number of processes may call it at the same time."""

    def __init__(self, home: Path, *, durable: bool = True, elsewhere: Path = ELSEWHERE) -> None:
        """`durable=False` is for tests alone: faster, and a power failure may cost the whole database.

        `elsewhere` holds the data if root's home is closed to the account that runs the server (`place`).
        """
        self._home = home
        self._durable = durable
        self._elsewhere = elsewhere

    def ensure_running(self) -> str:
        """Return the `postgresql://` URL of the server's database `postgres`, after starting it if needed.

        Raises `DatabaseUnavailable` if that is impossible, with the server's own words.
        """
        with self._explained():
            return self._url_if_answering(self._known_place()) or self._start_under_lock()

    def stop(self) -> bool:
        """Stop the server if it runs, and return whether it did; open transactions are rolled back."""
        if not self._home.exists():
            return False
        with self._explained(), self._lock():
            place = self._known_place()
            postmaster = running_postmaster(place.data)
            if postmaster is None:
                return False
            with suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(postmaster.process_id, signal.SIGINT)  # PostgreSQL's "fast" shutdown
            deadline = time.monotonic() + PATIENCE
            while is_process_of(place.data, postmaster.process_id):
                if time.monotonic() > deadline:
                    raise DatabaseUnavailable(
                        f"The server (process {postmaster.process_id}) did not stop within {PATIENCE:.0f} s; "
                        f"see {place.log}."
                    )
                time.sleep(0.02)
            return True

    def status(self) -> ServerStatus:
        """Return whether the server answers, and where it lies; starts and changes nothing."""
        with self._explained():
            place = self._known_place()
            postmaster = running_postmaster(place.data)
            return ServerStatus(
                running=self._url_if_answering(place) is not None,
                process_id=postmaster.process_id if postmaster else None,
                host=HOST,
                port=postmaster.port if postmaster else None,
                data_folder=place.data,
                log=place.log,
            )

    def _known_place(self) -> Place:
        # one spelling for one folder: processes are recognised by the path they were started with
        return known_place(self._home.resolve())

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise DatabaseUnavailable(
                f"The embedded database in {self._home} belongs to another user: {error}. Run Ekiden as that "
                "user, or set EKIDEN_HOME to a folder of your own."
            ) from error
        except OSError as error:
            raise DatabaseUnavailable(
                f"The embedded database in {self._home} cannot be kept there: {error}. Set EKIDEN_HOME to a folder "
                "that can be written, or EKIDEN_DATABASE_URL to a server."
            ) from error

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with (self._home / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # released by the operating system if this process dies
            yield

    def _start_under_lock(self) -> str:
        self._home.mkdir(parents=True, exist_ok=True)
        with self._lock():
            place = prepare_place(self._home.resolve(), self._elsewhere)
            if url := self._url_once_answering(place):
                return url
            binaries = usable_binaries(place)
            initialise(place, binaries, durable=self._durable)
            return self._start(place, binaries)

    def _start(self, place: Place, binaries: Binaries) -> str:
        with _server_lock(place) as lock:
            return self._start_with(lock, place, binaries)

    def _start_with(self, lock: int, place: Place, binaries: Binaries) -> str:
        for attempt in range(1, LEAVING_ATTEMPTS + 1):
            forget_dead_postmaster(place.data)
            complaint = self._launch(place, binaries, _free_port(place.port_file), lock)
            if complaint is None:
                if url := self._url_once_answering(place):
                    return url
                complaint = "it started and left at once"
            if "could not bind" in complaint:
                place.port_file.unlink(missing_ok=True)
            if attempt >= OTHER_ATTEMPTS and "shared memory block" not in complaint:
                break
            time.sleep(RETRY_PAUSE)
        raise DatabaseUnavailable(f"The embedded PostgreSQL in {place.folder} does not start: {complaint}")

    def _launch(self, place: Place, binaries: Binaries, port: int, lock: int) -> str | None:
        """Start the server, which keeps `lock`, and wait until it is ready; return what it said if it did not."""
        write_whole(place.port_file, f"{port}\n")
        options = server_options(port, durable=self._durable)
        arguments = ["-D", str(place.data)]
        for name, value in options.items():
            arguments += ["-c", f"{name}={value}"]
        if place.log.exists() and place.log.stat().st_size > LARGEST_LOG:
            place.log.replace(place.log.with_suffix(".log.old"))
        command: list[str | Path] = [
            *(binaries["pg_ctl"], "start", "-w", "-t", f"{PATIENCE:.0f}"),
            *("-o", shlex.join(arguments)),
        ]
        with _opened(place.log, place.account) as log:
            began = log.tell()
            # not by pg_ctl's own -D, which it hands to a shell without quoting every sign
            code = run(command, place.account, log, {"PGDATA": str(place.data)}, [lock])
        return None if code == 0 else log_since(place.log, began)

    def _url_once_answering(self, place: Place) -> str | None:
        """Return the URL as soon as this folder's live server answers; `None` if there is none (any more)."""
        deadline = time.monotonic() + PATIENCE
        while running_postmaster(place.data):
            if url := self._url_if_answering(place):
                return url
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"The server in {place.data} runs but has accepted no connection for {PATIENCE:.0f} s; "
                    f"see {place.log}."
                )
            time.sleep(0.05)  # it is starting, recovering or leaving
        return None

    def _url_if_answering(self, place: Place) -> str | None:
        postmaster = running_postmaster(place.data)
        if postmaster is None or postmaster.port is None:
            return None
        password = _password(place)
        answer = _ask(place.data, postmaster.port, password)
        if answer is _Answer.WRONG_PASSWORD:
            raise DatabaseUnavailable(
                f"The server in {place.data} does not accept the password in {place.password_file}. Write "
                "the role's present password there, or stop the server and move its folder away."
            )
        return _url(postmaster.port, password) if answer is _Answer.OURS else None


@contextmanager
def _server_lock(place: Place) -> Iterator[int]:
    """Hold what a server of this folder holds, and yield it to be inherited by the one that is started.

    Two servers on one folder destroy it, and PostgreSQL itself takes a server for dead whose process it cannot see.
    The kernel, which every container of a machine has in common, knows better.
    """
    with _opened(place.server_lock, place.account) as file:
        for _ in range(LEAVING_ATTEMPTS):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(RETRY_PAUSE)  # the children of a killed server, or another container's server
            else:
                break
        else:
            raise DatabaseUnavailable(
                f"A server still holds {place.data}, and no process of it can be seen from here. If another container "
                "shares this folder, run Ekiden there, have this one share its processes and its network, or set "
                "EKIDEN_DATABASE_URL to a server. If the folder was moved while its server ran, end that server. "
                "Otherwise a query of a killed server has not ended yet: try again."
            )
        yield file.fileno()


def _opened(path: Path, account: Account | None) -> IO[bytes]:
    """Open a file to append to it, and give it to `account` if this makes it.

    A user whose server root started once must be able to start it again.
    """
    try:
        # only what is made here: what a link of that name leads to must not be given away
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644), "ab")
    except FileExistsError:
        return path.open("ab")
    if account is not None:
        os.fchown(file.fileno(), account.uid, account.gid)
    return file


def _password(place: Place) -> str:
    try:
        return place.password_file.read_text().strip()
    except FileNotFoundError:
        raise DatabaseUnavailable(
            f"{place.password_file} is missing, and without it nobody can use the database in {place.data}. "
            "Put the file back, or move the folder away to start afresh."
        ) from None


def _url(port: int, password: str) -> str:
    return f"postgresql://{ROLE}:{password}@{HOST}:{port}/postgres"


def _ask(data: Path, port: int, password: str) -> _Answer:
    """Connect to `port` and find out whether the server there serves this very data folder."""
    try:
        with closing(psycopg.connect(_url(port, password), connect_timeout=ANSWER_TIMEOUT)) as connection:
            row = connection.execute("show data_directory").fetchone()
    except psycopg.Error as error:
        # a refused connection carries no code, only these words, which the server says in English here
        if "password authentication failed" in str(error):
            return _Answer.WRONG_PASSWORD
        return _Answer.OURS if "too many clients" in str(error) else _Answer.NONE
    return _Answer.OURS if row and row[0] == str(data) else _Answer.NONE


def _free_port(memory: Path) -> int:
    """Return the remembered port if nobody took it meanwhile, else one the operating system calls free."""
    try:
        remembered = memory.read_text().strip()
    except OSError:
        remembered = ""  # none yet, or root's, who used this server meanwhile
    for candidate in (int(remembered) if remembered.isdigit() else 0, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as PostgreSQL does
            try:
                probe.bind((HOST, candidate))
            except (OSError, OverflowError):
                continue
            return int(probe.getsockname()[1])
    raise DatabaseUnavailable(f"No port of {HOST} is free for the embedded database.")

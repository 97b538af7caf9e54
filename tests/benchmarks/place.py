"""Where a benchmark happens: a scratch folder and database of its own, dbt's project copied into it, all gone after.

Belongs here: making these places, building in them, and removing them, also after Ctrl-C. Does not belong here: what
is measured.
"""

import json
import math
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import psycopg
import yaml
from pydantic import SecretStr

from ekiden.database.connection import connect
from ekiden.database.embedded import EmbeddedServer
from ekiden.database.migrations import migrate
from ekiden.settings import Settings
from ekiden.warehouse.dbt import PROJECT_DIR, dbt_environment, dbt_executable
from tests.conftest import database_in, drop_database

PEERS = Path(".venv-bench/bin/python")
"""The Python that has DuckDB and Django; `make bench` makes it from `requirements.txt`."""
HERE = Path(__file__).parent
LAYERS = ("staging", "marts", "segments", "eligibility")


@dataclass(frozen=True)
class ModelRun:
    """How long dbt took to build one model, in seconds since the Unix epoch."""

    name: str
    layer: str
    started: float
    finished: float

    @property
    def seconds(self) -> float:
        return self.finished - self.started


@dataclass(frozen=True)
class Build:
    """One run of dbt: its wall time and its models' times, in seconds."""

    wall: float
    models: tuple[ModelRun, ...]
    cpu: float
    """Processor seconds of the server, dbt's excluded: steadier than wall time where a machine is shared."""

    @property
    def engine(self) -> float:
        """Seconds from the first table's start to the last one's end: without dbt's own start."""
        return max(model.finished for model in self.tables) - min(model.started for model in self.tables)

    @property
    def tables(self) -> tuple[ModelRun, ...]:
        return tuple(model for model in self.models if model.layer in {"marts", "eligibility"})

    @property
    def total(self) -> float:
        """Seconds of all tables added up, two of which are built at a time."""
        return sum(model.seconds for model in self.tables)


class BenchmarkFailed(RuntimeError):
    """Something that must hold before a figure means anything does not."""


@dataclass(frozen=True)
class Place:
    """A scratch folder and a migrated database."""

    folder: Path
    settings: Settings

    def connect(self) -> psycopg.Connection:
        return connect(self.settings, autocommit=True)

    @property
    def environment(self) -> dict[str, str]:
        """What `ekiden` and dbt read from the environment here."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("EKIDEN_")}
        assert self.settings.database_url is not None
        url = self.settings.database_url.get_secret_value()
        return kept | {"EKIDEN_DATABASE_URL": url, "EKIDEN_HOME": str(self.settings.home)}

    def build(self, project: Path, *, full_refresh: bool = False, command: str = "run") -> Build:
        """Run dbt on the layers that benchmarks build, and return its times. Raises `BenchmarkFailed`."""
        target = self.folder / "target"
        arguments = [dbt_executable(), "--no-use-colors", command, "--project-dir", project]
        arguments += ["--profiles-dir", project, "--target-path", target, "--log-path", target]
        arguments += ["--select", *LAYERS]
        arguments += ["--full-refresh"] if full_refresh else []
        environment = self.environment | dbt_environment(self.settings)
        spent = self._server_cpu()
        began = perf_counter()
        done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
        wall = perf_counter() - began
        if done.returncode != 0:
            raise BenchmarkFailed(f"dbt {command} failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
        return Build(wall, tuple(_model_runs(target)), self._server_cpu() - spent)

    def _server_cpu(self) -> float:
        """Return the processor seconds of the server's processes so far; not a number where it is not to be seen."""
        with self.connect() as connection:
            row = connection.execute("select pg_backend_pid()").fetchone()
            assert row is not None
            backend = Path(f"/proc/{row[0]}/stat")
            return _cpu_of_family(backend) if backend.exists() else math.nan


@contextmanager
def scratch() -> Iterator[Place]:
    """Yield a fresh place, on the server of `EKIDEN_DATABASE_URL` or on an embedded one of its own, and remove it."""
    # a terminal's hang-up and a plain kill clean up as well as Ctrl-C does
    on_end(signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="ekiden-bench-"))
    # the account that runs PostgreSQL for root passes through
    folder.chmod(0o711)
    given = os.environ.get("EKIDEN_DATABASE_URL")
    server = None if given else EmbeddedServer(folder / "postgres")
    name = f"ekiden_bench_{secrets.token_hex(4)}"
    url = None
    try:
        url = given or (server.ensure_running() if server else "")
        settings = Settings(home=folder / "home", database_url=SecretStr(database_in(url, name)))
        migrate(settings)
        yield Place(folder, settings)
    finally:
        # who is impatient asks twice, and `timeout` does by itself: the cleaning up is finished all the same
        on_end(signal.SIG_IGN)
        if given and url:
            drop_database(url, name)
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
        on_end(signal.default_int_handler)


def on_end(action: Any) -> None:
    """Set what a process does when it is asked to end, by Ctrl-C, a plain kill or a terminal's hang-up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, action)


def copy_project(
    folder: Path, scenarios: Mapping[str, Mapping[str, Any]], *, segments: Mapping[str, Sequence[str]]
) -> Path:
    """Copy dbt's project into `folder`, with these scenarios in place of its own; `segments` names what each reads."""
    project = folder / "dbt_project"
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(PROJECT_DIR, project, ignore=shutil.ignore_patterns("target", "logs"))
    models = project / "models" / "eligibility"
    # the same for every scenario: the contract of an eligibility table
    properties = sorted(models.glob("*.yml"))[0]
    columns = yaml.safe_load(properties.read_text(encoding="utf-8"))["models"][0]["columns"]
    shutil.rmtree(models)
    models.mkdir()
    documented = []
    for name, definition in scenarios.items():
        (models / f"{name}.sql").write_text(f"{{{{ eligibility(segments={list(segments.get(name, ()))!r}) }}}}")
        documented.append(
            {
                "name": name,
                "description": "A scenario of the benchmarks. Grain - one row per customer and anchor.",
                "config": {"meta": {"scenario": dict(definition)}},
                "data_tests": ["eligibility_contract"],
                "columns": columns,
            }
        )
    (models / "scenarios.yml").write_text(yaml.safe_dump({"version": 2, "models": documented}), encoding="utf-8")
    return project


def ask_peer(script: str, request: Mapping[str, Any]) -> Any:
    """Run one of the peers' scripts under its own Python and return its answer; raises `BenchmarkFailed`."""
    done = subprocess.run(
        [PEERS, HERE / "peers" / script], input=json.dumps(request), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BenchmarkFailed(f"{script} failed:\n{done.stderr[-4000:]}")
    return json.loads(done.stdout)


def _cpu_of_family(member: Path) -> float:
    """Return what the parent of this process (its `/proc/…/stat`) and all its children, ended ones too, have used."""

    def fields(stat: Path) -> list[str]:
        # after the name, which may hold anything: state, parent, …, the 12th to 15th the ticks
        return stat.read_text().rpartition(")")[2].split()

    parent = fields(member)[1]
    ticks = sum(map(int, fields(Path(f"/proc/{parent}/stat"))[11:15]))
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # a process may end while it is looked at
            found = fields(stat)
            ticks += sum(map(int, found[11:13])) if found[1] == parent else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def _model_runs(target: Path) -> Iterator[ModelRun]:
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    for result in json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]:
        node = manifest[result["unique_id"]]
        if node["resource_type"] == "model":
            execute = next(timing for timing in result["timing"] if timing["name"] == "execute")
            yield ModelRun(node["name"], node["fqn"][1], _epoch(execute["started_at"]), _epoch(execute["completed_at"]))


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()

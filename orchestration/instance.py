"""A deployment's Dagster instance: its home folder and the environment that Dagster's processes need.

Belongs here: preparing both. Does not belong here: starting processes (`up`), and the instance's configuration
(`dagster.yaml`).
"""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from assets.steps.pools import DBT_POOL
from ekiden.database.connection import dagster_database_url
from ekiden.errors import SaysEnough
from ekiden.settings import Settings

CONFIGURATION = Path(__file__).with_name("dagster.yaml")


def dagster_home(settings: Settings) -> Path:
    """Return the folder of the deployment's Dagster instance."""
    return settings.home / "dagster"


def prepare(settings: Settings) -> dict[str, str]:
    """Put the instance's configuration in place and return the environment variables of Dagster's processes.

    Starts the embedded server where one is used, and makes Dagster's database there if it is absent. Any number of
    processes may call it at the same time.
    """
    home = dagster_home(settings)
    home.mkdir(parents=True, exist_ok=True)
    # under another name first: a process that starts meanwhile must not read half a file
    unfinished = home / f"dagster.yaml.{os.getpid()}"
    unfinished.write_bytes(CONFIGURATION.read_bytes())
    unfinished.replace(home / "dagster.yaml")
    scripts = str(Path(sys.executable).parent)
    return {
        "EKIDEN_HOME": str(settings.home),
        "DAGSTER_HOME": str(home),
        "EKIDEN_DAGSTER_DATABASE_URL": dagster_database_url(settings),
        # the code server looks for this environment's tools by name
        "PATH": os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)]),
    }


def open_instance(settings: Settings) -> DagsterInstance:
    """Return the deployment's instance, its tables made if absent, for this process, whose environment it sets."""
    os.environ.update(prepare(settings))
    instance = DagsterInstance.from_config(str(dagster_home(settings)))
    # Dagster makes a pool known as it takes the first runs of it from the queue, and takes as many as there are then
    if DBT_POOL not in instance.event_log_storage.get_concurrency_keys():
        instance.event_log_storage.initialize_concurrency_limit_to_default(DBT_POOL)
    return instance


class HomeUnusable(SaysEnough, RuntimeError):
    """The deployment's home cannot be made, or not be written to."""

    def __init__(self, home: Path, error: OSError) -> None:
        super().__init__(f"nothing can be kept in {home}: {error}; set EKIDEN_HOME to a folder that can be written")


@contextmanager
def sole_server(settings: Settings) -> Iterator[bool]:
    """Hold the home's lock, and yield whether it was free: only one may serve a deployment at a time.

    Raises `HomeUnusable`.
    """
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        file = (settings.home / "up.lock").open("a")
    except OSError as error:
        raise HomeUnusable(settings.home, error) from error
    with file as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def end_lost_runs(instance: DagsterInstance) -> int:
    """Report as failed the runs that seem under way, and return how many; only for when nothing serves.

    Their processes ended without a word (a power failure, kill -9). Left as they are, the sensor would wait for them
    for ever, and nothing would be sent.
    """
    begun = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
    lost = instance.get_runs(RunsFilter(statuses=begun))
    for run in lost:
        instance.report_run_failed(run, "its process ended without reporting; whatever it left is picked up again")
    return len(lost)

"""A build whose `ekiden` is killed ends as well, and until it has, the next one waits."""

import fcntl
import signal
import subprocess
import sys
import time
from pathlib import Path

from ekiden.settings import PROJECT_ROOT

FAKE_DBT = """#!/bin/sh
trap 'sleep 0.5; echo ended > {told}; exit 1' INT
echo started > {told}
while :; do sleep 0.1; done
"""
BUILD = """
import sys
from pathlib import Path
from ekiden.settings import Settings
from ekiden.warehouse import dbt
from ekiden.warehouse.build import build
from ekiden.warehouse.project import prepare_project
dbt.dbt_executable = lambda: Path(sys.argv[1])
settings = Settings(home=Path(sys.argv[2]))
dbt.target_path(settings).mkdir(parents=True)
build(settings, prepare_project(settings, dbt.PROJECT_DIR, {}), {})
"""
PATIENCE = 30
"""Seconds; it takes two."""


def test_a_build_ends_with_the_process_that_started_it_and_keeps_the_lock_until_then(tmp_path: Path) -> None:
    told, fake_dbt = tmp_path / "told", tmp_path / "dbt"
    fake_dbt.write_text(FAKE_DBT.format(told=told))
    fake_dbt.chmod(0o755)
    with subprocess.Popen([sys.executable, "-c", BUILD, fake_dbt, tmp_path / "home"], cwd=PROJECT_ROOT) as building:
        wait_until(lambda: told.exists() and told.read_text() == "started\n")
        building.send_signal(signal.SIGKILL)
    (lock,) = (tmp_path / "home").rglob("build.lock")
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert told.read_text() == "ended\n"


def wait_until(happened) -> None:
    for _ in range(PATIENCE * 10):
        if happened():
            return
        time.sleep(0.1)
    raise AssertionError("it never happened")

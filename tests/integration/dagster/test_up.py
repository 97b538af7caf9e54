import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from ekiden.settings import PROJECT_ROOT
from tests.conftest import open_folder
from tests.loopback import free_port

SERVE = "import sys; from ekiden.settings import Settings; from orchestration.up import run; "
PATIENCE = 240  # seconds; a busy machine with two cores takes its time to import Dagster in four processes

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes by /proc")


def processes_of(home: Path) -> list[str]:
    """The command lines of all living processes that belong to a home, by environment or command line."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            command, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if str(home).encode() in command + environment:
            found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found


@pytest.mark.parametrize("stop", [signal.SIGINT])
def test_ctrl_c_stops_everything_that_was_started(parsed_home, stop) -> None:
    port = free_port()
    with open_folder() as folder:
        home = folder / "home"
        shutil.copytree(parsed_home, home)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("EKIDEN_")}
        process = subprocess.Popen(
            [sys.executable, "-c", f"{SERVE} sys.exit(run(Settings(), port={port}, host='127.0.0.1'))"],
            cwd=PROJECT_ROOT,
            # where there is a proxy, whoever looks whether the webserver answers asks the webserver
            env={**environment, "EKIDEN_HOME": str(home), "http_proxy": "http://127.0.0.1:9"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Dagster is at" in line:
                break
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=30) as answer:
                assert answer.status == 200, said
        finally:
            # Ctrl-C ends the `tee` behind us as well, and with a terminal that is closed goes whoever listened
            process.stdout.close()
            process.send_signal(stop)
            code = process.wait(PATIENCE)
        assert code == 0
        # of itself the daemon would tell of every look, without end
        assert "following daemons" not in (home / "logs" / "daemon.log").read_text()
        assert processes_of(home) == []

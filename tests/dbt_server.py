"""dbt's imports, paid once: the `dbt` of the tests is a fork of a process that has imported it.

Every call is a process of its own as ever, with its own arguments, environment, folder and output, and with nothing of
an earlier call in it; only the 3 processor seconds of importing are saved. What tests start as a Python of its own
still finds the `dbt` that is installed. Belongs here: the server and its client. Does not belong here: tests.
"""

import array
import atexit
import gc
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

CLIENT = """#!{python} -SIE
import array, json, os, signal, socket, sys
call = json.dumps({{"arguments": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}}).encode()
connection = socket.socket(socket.AF_UNIX)
connection.connect({address!r})
streams = array.array("i", [0, 1, 2])
connection.sendmsg([len(call).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
connection.sendall(call)
answers = connection.makefile()
child = int(answers.readline())
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: os.kill(child, number))
os._exit(int(answers.readline() or 1))
"""
"""The executable: without site-packages it starts in hundredths of a second, and hands its own streams over."""


@cache
def executable() -> Path:
    """Return an executable that does what `dbt` does; the server behind it is started now and ends with this process.

    In the place of `ekiden.warehouse.dbt.dbt_executable`.
    """
    # not below pytest's folders: a socket's path has 107 characters at most
    folder = Path(tempfile.mkdtemp(prefix="ekiden-dbt-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    address, client = str(folder / "socket"), folder / "dbt"
    client.write_text(CLIENT.format(python=sys.executable, address=address), encoding="utf-8")
    client.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        command = [sys.executable, __file__, str(listening.fileno())]
        server = subprocess.Popen(
            command, pass_fds=[listening.fileno()], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
    atexit.register(_stop, server)
    return client


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.kill()
    server.wait()


def serve(listening: socket.socket) -> None:
    """Answer each call by a fork, until whoever started this is gone, and with it the other end of our input."""
    # only in the server: the import takes seconds
    import dbt.adapters.postgres  # noqa: PLC0415
    import dbt.cli.main  # noqa: F401, PLC0415

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # the forks share these pages for as long as nobody counts their objects
    gc.freeze()
    while sys.stdin.fileno() not in select.select([listening, sys.stdin], [], [])[0]:
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            _answer(connection)
        connection.close()


def _answer(connection: socket.socket) -> None:
    """Run one call in a fork of this fork, which waits for it and tells how it ended."""
    from dbt.cli.main import cli  # noqa: PLC0415 - imported long ago

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    streams = array.array("i")
    size, ancillary, _, _ = connection.recvmsg(8, socket.CMSG_SPACE(3 * streams.itemsize))
    streams.frombytes(ancillary[0][2])
    call = json.loads(connection.makefile("rb").read(int.from_bytes(size, "big")))
    child = os.fork()
    if child == 0:
        connection.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(call["folder"])
        os.environ.clear()
        os.environ.update(call["environment"])
        sys.argv = ["dbt", *call["arguments"]]
        # raises SystemExit: the process ends as any Python does
        cli()
    for stream in streams:
        os.close(stream)
    connection.sendall(f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    connection.sendall(f"{os.waitstatus_to_exitcode(status) % 256}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))

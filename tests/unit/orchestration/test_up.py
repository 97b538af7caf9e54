import fcntl
import socket

import pytest

from ekiden.settings import Settings
from orchestration.up import PortTaken, check_port, run


def test_a_taken_port_is_refused_with_the_way_out() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"port {port} .*--port or EKIDEN_PORT"):
            check_port("127.0.0.1", port)


def test_a_free_port_is_fine() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    check_port("127.0.0.1", port)


def test_a_deployment_is_served_once_and_the_second_attempt_stops_nothing(tmp_path, capsys) -> None:
    with (tmp_path / "up.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run(Settings(home=tmp_path)) == 1
    captured = capsys.readouterr()
    assert "being served already" in captured.err
    assert "stopped" not in captured.out

"""The command line as a person at a terminal has it: the deployment by its environment, a command by its words."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from ekiden.cli import main
from ekiden.settings import Settings


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def at_the_terminal(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Let whatever reads the environment be Hanako's, on this deployment."""
    monkeypatch.setenv("EKIDEN_DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("EKIDEN_HOME", str(settings.home))
    monkeypatch.setenv("EKIDEN_TIME_ZONE", "Asia/Tokyo")
    monkeypatch.setenv("EKIDEN_ACTOR", "hanako")
    monkeypatch.setenv("COLUMNS", "200")


def commands(monkeypatch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Return what runs a command by its words and says how it ended."""

    def run(*arguments: str) -> Ended:
        captured.readouterr()
        monkeypatch.setattr(sys, "argv", ["ekiden", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = captured.readouterr()
        assert "Traceback" not in err
        return Ended(ended.value.code or 0, out, err)

    return run

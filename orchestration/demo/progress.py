"""How the demo shows what is going on: one line for every step, dbt's progress within it, and what failed.

Belongs here: output alone. dbt's own words go into a log.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from dagster import ExecuteInProcessResult
from rich.console import Console

from ekiden.errors import SaysEnough

DONE_OF_ALL = re.compile(r"(\d+) of (\d+) (OK|PASS|WARN|FAIL|ERROR)(?! hook)")
"""How dbt says that one of its models or tests is done; it counts its hooks apart."""

SHOW_EVERY = 10
"""Models and tests between two lines of progress where lines cannot be overwritten."""


class JobFailed(SaysEnough, RuntimeError):
    """A job of the demo did not succeed."""

    def __init__(self, name: str, result: ExecuteInProcessResult) -> None:
        failures = [event.step_failure_data.error for event in result.get_step_failure_events()]
        causes = [(error.cause or error).message.strip() for error in failures if error is not None]
        super().__init__(f"job {name}, run {result.run_id}: {'; '.join(causes) or 'see the run in Dagster'}")


class DbtProgress(io.TextIOBase):
    """Takes what dbt prints: all of it into a log, how far it is to the console."""

    def __init__(self, console: Console, log: Path) -> None:
        self._console = console
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log
        self._done = 0

    def write(self, text: str) -> int:
        with self._log.open("a", encoding="utf-8") as log:
            log.write(text)
        for match in DONE_OF_ALL.finditer(text):
            total = int(match[2])
            if total == 1:
                continue  # one model in passing
            self._done += 1
            if self._done % SHOW_EVERY == 0 or self._done == total:
                self._console.print(f"    [dim]dbt: {self._done} of {total} models and tests[/]")
        return len(text)

    def isatty(self) -> bool:
        return False


@contextmanager
def timed(console: Console, title: str) -> Iterator[None]:
    """Say what is going on, and how long it took once it is done."""
    started = monotonic()
    if not console.is_terminal:
        console.print(f"  … {title}")
    with console.status(title):
        yield
    console.print(f"  [green]✓[/] {title} [dim]({monotonic() - started:.1f} s)[/]")

"""How far dbt is, as the demo tells it from dbt's own lines."""

import io
from pathlib import Path

from rich.console import Console

from orchestration.demo.progress import DbtProgress


def test_hooks_are_no_models(tmp_path: Path) -> None:
    shown = io.StringIO()
    progress = DbtProgress(Console(file=shown, width=100), tmp_path / "logs" / "dbt.log")
    for number in range(1, 4):
        progress.write(f"14:00:00  {number} of 3 OK hook: ekiden.on-run-start.{number} ... [OK in 0.01s]\n")
        progress.write(f"14:00:01  {number} of 12 OK created sql table model eligibility.s{number} ... [OK in 0.10s]\n")
    for number in range(4, 13):
        progress.write(f"14:00:02  {number} of 12 PASS unique_customers_{number} ... [PASS in 0.01s]\n")
    said = shown.getvalue().split("\n")
    assert [line.strip() for line in said if line] == [
        "dbt: 10 of 12 models and tests",
        "dbt: 12 of 12 models and tests",
    ]

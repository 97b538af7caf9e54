"""Every acceptance script of a folder, one test each: `pytest tests/acceptance --cases DIR`."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import Case
from tests.acceptance.play import Difference, play
from tests.acceptance.reading import ScriptFault
from tests.acceptance.stage import Stage


def test_script(script_path: Path, cases: Mapping[Path, Case], pending: Mapping[str, str], stage: Stage) -> None:
    case = cases[script_path]
    reason = pending.get(case.script_id or "")
    problem = _play(case, stage)
    if problem is None and reason:
        pytest.fail(f"{script_path.name} passes: take {case.script_id} off pending.yaml", pytrace=False)
    if problem is not None and reason:
        pytest.xfail(f"{reason} ({str(problem).splitlines()[0]})")
    if isinstance(problem, Difference | ScriptFault):
        notes = getattr(problem, "__notes__", [])
        pytest.fail("\n".join([f"{script_path.name}: {problem}", *notes]), pytrace=False)
    if problem is not None:
        raise problem


def _play(case: Case, stage: Stage) -> Exception | None:
    """Return what went wrong, None if the script passed."""
    if case.fault:
        return case.fault
    assert case.playable
    try:
        play(*case.playable, stage)
    except Exception as problem:
        return problem
    return None

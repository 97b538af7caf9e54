"""A command whose output nobody takes ends in one line, or quietly where its reader has enough."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = f"{shlex.quote(sys.executable)} -c 'from ekiden.cli import main; main()'"


def ends(shell: str, **environment: str) -> tuple[int, str]:
    """Return the exit code and the standard error of a line of shell."""
    variables = {"PATH": "/usr/bin:/bin", **environment}
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, env=variables, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("unbuffered", [True, False])
@pytest.mark.parametrize("arguments", ["scenario schema", "--help"])
@pytest.mark.parametrize(("to", "why"), [("> /dev/full", "No space left on device"), (">&-", "Bad file descriptor")])
def test_output_that_cannot_be_written_is_told_in_one_line(arguments: str, to: str, why: str, unbuffered: bool):
    code, told = ends(f"{COMMAND} {arguments} {to}", **({"PYTHONUNBUFFERED": "1"} if unbuffered else {}))
    assert (code, told) == (1, f"error: the output or a file could not be written: {why}\n")


@pytest.mark.parametrize("arguments", ["scenario schema", "--version"])
def test_a_reader_that_has_enough_is_no_error_to_tell_of(arguments: str):
    code, told = ends(f"{COMMAND} {arguments} | true; exit ${{PIPESTATUS[0]}}")
    assert (code in (0, 1), told) == (True, "")


def test_a_command_without_any_stream_runs():
    assert ends(f"{COMMAND} scenario schema <&- >&- 2>&-")[0] == 1
    assert ends(f"{COMMAND} scenario schema <&- > /dev/null 2>&-")[0] == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_encoding_without_a_character_of_the_output_is_told_with_the_way_out(tmp_path: Path, encoding: str):
    (tmp_path / "tea.yml").write_text("models: [{name: tea, config: {meta: {scenario: {状態: 1}}}}]", encoding="utf-8")
    validate = f"{COMMAND} validate {shlex.quote(str(tmp_path))} --no-data > /dev/null"
    code, told = ends(validate, PYTHONIOENCODING=encoding, EKIDEN_HOME=str(tmp_path / "home"))
    assert (code, f"is to be {encoding}, which has no U+72B6: set PYTHONIOENCODING=utf-8" in told) == (1, True)
    assert "Traceback" not in told

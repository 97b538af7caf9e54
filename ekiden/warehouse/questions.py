"""What dbt is only asked: the SQL of a condition or of a model, as its macros and files make it today.

Belongs here: the questions, and asking past scenarios that dbt refuses; nothing is built. Does not belong here: what is
done with the SQL (`ekiden.insights`).
"""

import errno
import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ekiden.settings import Settings
from ekiden.warehouse import dbt
from ekiden.warehouse.dbt import BuildFailed, dbt_environment
from ekiden.warehouse.parsing import readable_project, refused_last
from ekiden.warehouse.project import prepare_project
from ekiden.warehouse.refused import refused_model, told

_NOT_IN_YAML = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")
"""Of the characters that JSON may leave as they are: those that YAML refuses, or reads as white space."""


def eligibility_queries(
    settings: Settings, sources: Sequence[Mapping[str, Any]], *, project: Path | None = None
) -> list[str]:
    """Return the SQL that today's macros make of each source: a `definition`, or the `sql` of a model written by hand.

    Scenarios that dbt cannot read are left out of the way. Nothing is built, and the artefacts of builds stay as they
    are. Raises `BuildFailed` with dbt's own words.
    """
    operation = ["run-operation", "print_eligibility_queries", "--args", _as_argument({"sources": sources})]
    try:
        answer = _ask(settings, project or dbt.PROJECT_DIR, operation)
    except OSError as error:
        if error.errno != errno.E2BIG:
            raise
        raise BuildFailed(
            "the two definitions are too long to be given to dbt at once; put a long list of values into a segment"
        ) from error
    printed = [line for line in answer.stdout.splitlines() if line.startswith('{"queries"')]
    if answer.returncode != 0 or not printed:
        raise BuildFailed(f"dbt cannot compile the definition: {_said(answer)}")
    queries: list[str] = json.loads(printed[-1])["queries"]
    return queries


def compiled_model(settings: Settings, name: str, *, project: Path | None = None) -> str:
    """Return the SQL of a model as its file stands; scenarios that dbt cannot read are left out of the way.

    Nothing is built, and the artefacts of builds stay as they are. Raises `BuildFailed` with dbt's own words.
    """
    answer = _ask(settings, project or dbt.PROJECT_DIR, ["compile", "--select", name])
    compiled = sorted((_queries_path(settings) / "compiled").rglob(f"{name}.sql")) if answer.returncode == 0 else []
    if not compiled:
        raise BuildFailed(f"dbt cannot compile {name}: {_said(answer)}")
    return max(compiled, key=lambda file: file.stat().st_mtime_ns).read_text(encoding="utf-8")


def _ask(settings: Settings, project: Path, question: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Ask dbt about a project; each scenario with which it reads nothing at all is replaced by a stub, as in builds."""
    environment = {**os.environ, **dbt_environment(settings)}
    refused: dict[str, str] = {}
    if project == dbt.PROJECT_DIR:
        # no need to hear again what the last parse did
        refused |= refused_last(settings)
    is_parsed = False
    while True:
        prepared = prepare_project(settings, project, refused)
        arguments = ["--quiet", "--no-use-colors", *question]
        if prepared.folder != project:
            # what another folder's parse left behind is no start for this one's
            arguments.insert(0, "--no-partial-parse")
        command = dbt.command(arguments, prepared.folder, _queries_path(settings), settings)
        variables = {**environment, **prepared.environment()}
        answer = subprocess.run(command, env=variables, check=False, capture_output=True, text=True)
        if answer.returncode == 0:
            return answer
        if blamed := refused_model(_said(answer), prepared.report, refused):
            refused[blamed] = told(_said(answer))
        elif project == dbt.PROJECT_DIR and not is_parsed:
            # a parse finds out whom dbt does not name
            is_parsed = True
            found_out = readable_project(settings).refused
            if found_out.keys() <= refused.keys():
                return answer
            refused |= found_out
        else:
            return answer


def _queries_path(settings: Settings) -> Path:
    """Return where dbt's artefacts of what is only asked lie."""
    return settings.dbt_target / "queries"


def _said(answer: subprocess.CompletedProcess[str]) -> str:
    return (answer.stdout + answer.stderr).strip()


def _as_argument(value: Mapping[str, Any]) -> str:
    """Return a value as dbt reads it from its command line, as YAML, and in few bytes: Linux takes 131,072.

    YAML has every character of JSON but some that do not print; and it refuses the two escapes that make an emoji.
    """
    plain = json.dumps(value, ensure_ascii=False, default=str)
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", plain)

"""The scenarios and files with which dbt reads nothing of the project, found so that the others go on.

dbt stops at the first thing that it does not take. Often its words name the model or the file; where they name nobody,
the scenarios that may be it are left out and taken back, half by half, until those remain with whom dbt stops.
Belongs here: who it is, and why, in dbt's words. Does not belong here: what takes their place (`project`), and calling
dbt (`parsing`).
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from ekiden.scenarios.report import Report
from ekiden.warehouse.project import PreparedProject

MOST_PARSES = 12
"""They find one of 60 scenarios that nobody names. With so many a parse takes five seconds, and whoever loads Dagster's
code waits for all of them: a run has three minutes to start."""

Parse = Callable[[Mapping[str, str]], tuple[PreparedProject, str | None]]
"""Reads the project without these models and files, each with why; returns it, and what dbt said if it could not."""

Suspects = Callable[[Report], Mapping[str, Sequence[str]]]
"""Returns the models that may be what dbt does not take, each with the files that it may be of; or files of no
model, each with itself."""

_NAMED_FILE = re.compile(r"eligibility/([^\s()'\"]+?)\.(?i:sql|yml|yaml)\b")
_NAMED_MODEL = re.compile(r"\bmodel(?:\.\w+\.| ')(\w+)")
_TIME = re.compile(r"^\d\d:\d\d:\d\d\s+", re.MULTILINE)
_TRACEBACK = re.compile(r"^Traceback \(most recent call last\):.*", re.MULTILINE | re.DOTALL)
_WHOLE_ENTRY = re.compile(r" @ models: \{.*\} - (?=at path)", re.DOTALL)


class Unreadable(RuntimeError):
    """dbt cannot read the project, and it is no scenario's doing; the message is dbt's."""


def told(said: str) -> str:
    """Return dbt's words in short: without times, the way through its own code, and the whole of what it read."""
    plain = _WHOLE_ENTRY.sub(" ", _TRACEBACK.sub("", _TIME.sub("", said)))
    return " ".join(plain.replace("Encountered an error:", "").split()) or " ".join(said.split())


def refused_model(output: str, report: Report, known: Collection[str]) -> str | None:
    """Return the scenario's model that dbt's words blame; None if they blame something else.

    The next one named where the first is `known` to be refused: of two that get in each other's way, dbt names both.
    """
    suspects = [each for each in report.scenarios if each.source.model_name not in known]
    models = {each.source.model_name for each in suspects}
    by_file: dict[str, str] = {}
    for each in suspects:
        for file in each.source.files:
            by_file.setdefault(file.stem, each.source.model_name)
    for stem in _NAMED_FILE.findall(output):
        name = Path(stem).name
        if name in models or name in by_file:
            return name if name in models else by_file[name]
    return next((name for name in _NAMED_MODEL.findall(output) if name in models), None)


def read_without_the_refused(
    parse: Parse, suspects: Suspects, files_of_none: Suspects = lambda _: {}
) -> PreparedProject:
    """Return the project without the scenarios that dbt refuses, as few as can be; raises `Unreadable`.

    `files_of_none`: files that describe no model, which are left out where it is not the scenarios alone.
    """
    return _Search(parse).run(suspects, files_of_none)


class _Search:
    def __init__(self, parse: Parse) -> None:
        self._parse = parse
        self._refused: dict[str, str] = {}
        self._aside: dict[str, str] = {}
        """Models and files left out that may be none of it."""
        self._read: PreparedProject | None = None
        """What dbt could read last."""
        self._parses = 0

    def run(self, suspects: Suspects, files_of_none: Suspects) -> PreparedProject:
        report, said = self._try()
        if said is not None:
            files = suspects(report)
            named_before: Collection[str] | None = None
            if not self._reads_without(files, said):
                # only now, and taken back before the scenarios: what they read may be described there
                alone = files_of_none(report)
                files = {**alone, **files}
                named_before = set(self._refused)
                if not alone or not self._reads_without(files, said):
                    raise Unreadable(said.strip())
            self._take_back(list(self._aside), files, said)
            if named_before is not None:
                # whom dbt named while a file that it reads from was aside, it names again if it is it
                named = {*named_before, *files}
                self._refused = {name: why for name, why in self._refused.items() if name in named}
            # with one at least of those left dbt stops, and there was no time to find out which
            others = f" (or with one of {len(self._aside) - 1} others that changed)" if len(self._aside) > 1 else ""
            self._refused |= {model: f"{reason}{others}" for model, reason in self._aside.items()}
            self._aside = {}
        if self._read is None or self._read.refused != self._refused:
            # what is told of them is known only now; a file may have changed meanwhile, too
            _, said = self._try()
            if said is not None:
                raise Unreadable(said.strip())
        assert self._read is not None
        return self._read

    def _reads_without(self, files: Mapping[str, Sequence[str]], said: str) -> bool:
        """Set these aside, which may be it, and return whether dbt reads the project then."""
        self._aside = {name: _reason(each, said) for name, each in files.items() if name not in self._refused}
        return bool(self._aside) and self._try()[1] is None

    def _try(self) -> tuple[Report, str | None]:
        """Read the project without whom dbt names; return what it said where it names nobody."""
        while True:
            left_out = {**self._aside, **self._refused}
            self._parses += 1
            project, said = self._parse(left_out)
            if said is None:
                self._read = project
                return project.report, None
            blamed = refused_model(said, project.report, left_out)
            if blamed is None:
                return project.report, said
            self._refused[blamed] = told(said)

    def _try_with(self, models: Sequence[str], files: Mapping[str, Sequence[str]]) -> None:
        """Take models back, but those with which dbt stops; none where there is no time left to try."""
        if self._parses >= MOST_PARSES:
            return
        aside = {model: self._aside.pop(model) for model in models}
        _, said = self._try()
        if said is not None:
            self._aside |= aside
            self._take_back(models, files, said)

    def _take_back(self, models: Sequence[str], files: Mapping[str, Sequence[str]], said: str) -> None:
        """Take back what dbt reads of these models: it said this with all of them, and reads the project without."""
        if len(models) == 1:
            del self._aside[models[0]]
            self._refused[models[0]] = _reason(files[models[0]], said)
            return
        first, second = models[: len(models) // 2], models[len(models) // 2 :]
        before = len(self._refused)
        self._try_with(first, files)
        if len(self._refused) == before and len(second) > 1:
            # with all of the first taken back, it is these models again; one alone is tried, as its file may be mended
            self._take_back(second, files, said)
        else:
            self._try_with(second, files)


def _reason(files: Sequence[str], said: str) -> str:
    return f"with {' and '.join(files)} dbt reads nothing of the project: {told(said)}"

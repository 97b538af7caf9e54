"""What validation found, as it is shown: file, line, column, place, what is wrong and what was found.

Belongs here: findings and what follows from them. Does not belong here: the rules (`definition`, `validate`, `shop`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ekiden.scenarios.definition import Checked, DefinitionFault, ScenarioDefinition
from ekiden.scenarios.faults import written
from ekiden.scenarios.source import ScenarioSource, SourceFault
from ekiden.scenarios.yaml_complaints import Position

Severity = Literal["error", "warning"]

ABOUT_KEYS = frozenset({"unknown_key", "key_of_another_frame", "count_not_allowed"})
"""Rules about a key rather than its value: the key is what to point at."""


@dataclass(frozen=True)
class Finding:
    """One fault or warning, as it is shown; `file` is relative to the project where it lies in it."""

    severity: Severity
    rule: str
    file: str
    line: int
    column: int
    scenario: str
    """The name of the model; empty where a file belongs to none."""
    place: str
    message: str
    found: str = ""

    def __str__(self) -> str:
        place = f"{self.place}: " if self.place else ""
        return f"{self.file}:{self.line}:{self.column}: {place}{self.message} ({self.rule})"


@dataclass(frozen=True)
class CheckedScenario:
    """A scenario's files and what became of them."""

    source: ScenarioSource
    checked: Checked
    findings: tuple[Finding, ...]
    is_broken: bool
    """Whether it cannot be built from its definition: it is left out, and the others go on."""
    stops_dbt: bool
    """Whether dbt could not even read the project with these files in it."""

    @property
    def readable(self) -> ScenarioDefinition | None:
        """The definition as far as it goes: what is broken in it is None."""
        return self.checked.readable

    @property
    def scenario(self) -> ScenarioDefinition | None:
        return self.checked.scenario


@dataclass(frozen=True)
class Report:
    """What was found, file by file."""

    scenarios: tuple[CheckedScenario, ...]
    loose: tuple[Finding, ...]
    """Faults of files that belong to no scenario."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        found = [finding for each in self.scenarios for finding in each.findings] + list(self.loose)
        return tuple(sorted(found, key=lambda finding: (finding.file, finding.line, finding.column, finding.rule)))

    def broken(self) -> Mapping[str, tuple[str, ...]]:
        """Return the models that cannot be built from their definitions, each with why."""
        return {
            each.source.model_name: tuple(str(found) for found in each.findings if found.severity == "error")
            for each in self.scenarios
            if each.is_broken
        }

    def with_more(self, more: Iterable[tuple[str, Finding]]) -> "Report":
        """Return this report with findings added to models."""
        by_model: dict[str, list[Finding]] = defaultdict(list)
        for model, finding in more:
            by_model[model].append(finding)
        return replace(
            self,
            scenarios=tuple(
                replace(each, findings=(*each.findings, *by_model[each.source.model_name])) for each in self.scenarios
            ),
        )


class Locator:
    """Says where in a source's file a definition's fault stands."""

    def __init__(self, source: ScenarioSource, project: Path) -> None:
        self._source = source
        self._project = project

    def __call__(self, found: DefinitionFault, severity: Severity = "error") -> Finding:
        position = self._source.position(found.location, of_key=found.rule in ABOUT_KEYS)
        file = self._source.file or (self._source.sql.file if self._source.sql else Path())
        return finding_at(
            severity, found.rule, file, position, self._source.model_name, found.place, found.message,
            project=self._project, found=found.found,
        )  # fmt: skip


def finding_at(
    severity: Severity, rule: str, file: Path, position: Position, scenario: str, place: str, message: str,
    *, project: Path, found: str = "",
) -> Finding:  # fmt: skip
    """Return a finding at a place of a file, the file named from the project's root where it lies in it."""
    root = project.resolve().parent
    path = resolved(file)
    shown_file = path.relative_to(root) if path.is_relative_to(root) else file
    return Finding(
        severity, rule, shown_file.as_posix(), position.line, position.column, scenario, place, message, found
    )


def resolved(file: Path) -> Path:
    """Return where a file lies; of a link that leads into itself where the link does."""
    try:
        return file.resolve()
    except (OSError, RuntimeError):
        return file.absolute()


def from_source(each: SourceFault, model: str, project: Path) -> Finding:
    """Return a fault of a scenario's files as a finding."""
    place = written(each.place) if each.place else ""
    return finding_at("error", each.rule, each.file, each.position, model, place, each.message, project=project)

"""The dbt project as dbt shall read it: the project itself, or a copy in which broken scenarios are stubs.

Belongs here: what is left out of a build and how. Does not belong here: what makes a definition wrong
(`ekiden.scenarios`), and calling dbt (`ekiden.warehouse.dbt`).
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from ekiden.scenarios.definition import FAULTS_KEY
from ekiden.scenarios.report import CheckedScenario, Finding, Report
from ekiden.scenarios.source import COLUMNS, ELIGIBILITY, SUFFIXES
from ekiden.scenarios.validate import validate
from ekiden.settings import Settings
from ekiden.shortening import shortened

BROKEN_SCENARIOS = "EKIDEN_BROKEN_SCENARIOS"
"""JSON for the macro `eligibility`: by model, why it is built empty."""

LONGEST_REASON = 300
MOST_REASONS = 5
"""What the registry keeps of each broken scenario; `ekiden validate` tells all of it."""

LONGEST_VARIABLE = 100_000
"""Bytes; Linux takes no environment variable above 131,072."""

COMPILED = "{{ eligibility() }}\n"
STANDING = "{{ standing_eligibility() }}\n"
"""Of a model that was written by hand, which has no function that answers in the place of its table."""

KEPT = timedelta(days=30)
"""A copy that nobody has asked for as long is of files that were edited since; the longest build takes hours."""

REFUSED = "refused_by_dbt"
"""The rule that a file of no model breaks where dbt reads nothing with it."""

UNNAMEABLE = frozenset({"duplicate_model", "model_name"})
"""Faults that leave no name under which a stub could stand."""


@dataclass(frozen=True)
class PreparedProject:
    """What dbt is run on."""

    folder: Path
    report: Report
    refused_by_dbt: Mapping[str, str]
    """Models that only dbt itself found broken, each with its words."""
    refused_files: Mapping[str, str] = field(default_factory=dict)
    """The same of files of no model, named from the project's folder; the report tells them with its loose faults."""

    @property
    def refused(self) -> Mapping[str, str]:
        """All that only dbt itself found broken, models and files."""
        return {**self.refused_by_dbt, **self.refused_files}

    @property
    def broken(self) -> Mapping[str, tuple[str, ...]]:
        """The models that are built empty, each with why."""
        refused = {model: (message,) for model, message in self.refused_by_dbt.items()}
        return {**refused, **self.report.broken()}

    def environment(self) -> dict[str, str]:
        """Return what tells the macros which models to build empty."""
        return {BROKEN_SCENARIOS: broken_variable(self.broken)}


def broken_variable(broken: Mapping[str, tuple[str, ...]]) -> str:
    """Return the value of `EKIDEN_BROKEN_SCENARIOS`; reasons are left out where they are too many for one variable."""
    told = {model: [short(reason) for reason in reasons[:MOST_REASONS]] for model, reasons in sorted(broken.items())}
    variable = json.dumps(told)
    if len(variable) > LONGEST_VARIABLE:
        variable = json.dumps({model: ["it has faults; see `ekiden validate`"] for model in told})
    return variable


def prepare_project(settings: Settings, original: Path, refused: Mapping[str, str]) -> PreparedProject:
    """Return the project to run dbt on: `original` wherever dbt can read it, else a copy below `dbt_target`.

    `refused`: models that dbt refused before, and files of none by their names in the project, each with its words.
    """
    # a file's name has a suffix, a model's no dot
    refused_files = {name: said for name, said in refused.items() if "." in name}
    refused_by_dbt = {name: said for name, said in refused.items() if name not in refused_files}
    report = _with_refused_files(validate(original, options=settings.options), original, refused_files)
    stubbed = {
        each.source.model_name: each
        for each in report.scenarios
        if each.stops_dbt or each.source.model_name in refused_by_dbt
    }
    if not stubbed and not report.loose:
        return PreparedProject(original, report, {})
    folder = _copy(settings.dbt_target / "projects", original, report, stubbed, refused_by_dbt)
    return PreparedProject(folder, report, refused_by_dbt, refused_files)


def _with_refused_files(report: Report, original: Path, refused_files: Mapping[str, str]) -> Report:
    """Return the report with what dbt said of files of no model among the faults that are nobody's."""
    found = (
        Finding("error", REFUSED, f"{original.name}/{name}", 1, 1, "", "", f"left out: {said}")
        for name, said in refused_files.items()
    )
    return replace(report, loose=(*report.loose, *found))


def _copy(
    home: Path,
    original: Path,
    report: Report,
    stubbed: Mapping[str, CheckedScenario],
    refused_by_dbt: Mapping[str, str],
) -> Path:
    """Return a copy with stubs, made once for each state of the project's files; those of long ago are removed."""
    folder = home / _digest(original, report, stubbed, refused_by_dbt)
    with suppress(FileNotFoundError):
        os.utime(folder)
        return folder
    home.mkdir(parents=True, exist_ok=True)
    # made beside its place and moved there whole: another process may be preparing the same
    draft = Path(tempfile.mkdtemp(dir=home)) / original.name
    shutil.copytree(original, draft, ignore=shutil.ignore_patterns("target", "logs"), ignore_dangling_symlinks=True)
    _write_stubs(draft, original, report, stubbed, refused_by_dbt)
    # a copy has its original's time
    os.utime(draft)
    try:
        draft.rename(folder)
    except OSError:
        if not folder.exists():
            raise
    shutil.rmtree(draft.parent, ignore_errors=True)
    _remove_old(home)
    return folder


def _remove_old(home: Path) -> None:
    kept_since = time.time() - KEPT.total_seconds()
    for folder in home.iterdir():
        with suppress(FileNotFoundError):
            if folder.stat().st_mtime < kept_since:
                shutil.rmtree(folder, ignore_errors=True)


def _write_stubs(
    copy: Path,
    original: Path,
    report: Report,
    stubbed: Mapping[str, CheckedScenario],
    refused_by_dbt: Mapping[str, str],
) -> None:
    for finding in report.loose:
        (copy.joinpath(*Path(finding.file).parts[1:])).unlink(missing_ok=True)
    by_file: dict[Path, list[CheckedScenario]] = defaultdict(list)
    for each in report.scenarios:
        file = each.source.file or original / ELIGIBILITY / f"{each.source.model_name}__without_definition.yml"
        by_file[copy / file.relative_to(original)].append(each)
    for file, scenarios in by_file.items():
        if not any(each.source.model_name in stubbed for each in scenarios):
            continue
        models = []
        for each in scenarios:
            name = each.source.model_name
            sql = each.source.sql
            query = copy / sql.file.relative_to(original) if sql else file.with_name(f"{name}.sql")
            rules = {fault.rule for fault in each.source.faults}
            if not each.stops_dbt and name not in refused_by_dbt:
                models.append(_entry(each))
            elif rules & UNNAMEABLE:
                if not _is_described_elsewhere(each, report):
                    query.unlink(missing_ok=True)
            else:
                models.append(_stub(name, report.broken().get(name) or (refused_by_dbt[name],)))
                is_by_hand = sql is not None and not sql.compiled_here
                query.write_text(STANDING if is_by_hand else COMPILED, encoding="utf-8")
        document = {"version": 2, "models": models}
        file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _entry(each: CheckedScenario) -> dict[str, Any]:
    """Return a whole model's entry as it stands in its file."""
    assert each.source.document is not None
    models: list[dict[str, Any]] = each.source.document.value["models"]
    return next(model for model in models if isinstance(model, dict) and model.get("name") == each.source.model_name)


def _is_described_elsewhere(each: CheckedScenario, report: Report) -> bool:
    name = each.source.model_name
    return any(other is not each and other.source.model_name == name for other in report.scenarios)


def _stub(name: str, reasons: tuple[str, ...]) -> dict[str, Any]:
    return {
        "name": name,
        "description": "This scenario's files have faults: it is built empty and left out of the plan.",
        "config": {"meta": {"scenario": {"code": name, FAULTS_KEY: [_plain(reason) for reason in reasons]}}},
        "columns": [{"name": column, "data_type": kind} for column, kind in COLUMNS.items()],
    }


def _plain(reason: str) -> str:
    """Return a reason in which dbt reads no Jinja: a fault quotes what it was found in."""
    return re.sub(r"\{(?=[{%#])", "{ ", short(reason))


def short(reason: str) -> str:
    """Return what the registry keeps of a reason."""
    return shortened(reason, LONGEST_REASON)


def _digest(
    original: Path, report: Report, stubbed: Mapping[str, CheckedScenario], refused_by_dbt: Mapping[str, str]
) -> str:
    files = sorted(
        path for path in original.rglob("*") if path.is_file() and "target" not in path.relative_to(original).parts
    )
    seen = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files]
    # a change of ours in how stubs are made makes another copy
    ours = Path(__file__).stat().st_mtime_ns
    # and so does one in what counts as a fault
    left_out = (sorted(report.broken().items()), [str(finding) for finding in report.loose], sorted(stubbed))
    made_of = (seen, left_out, sorted(refused_by_dbt.items()), SUFFIXES, ours)
    return hashlib.sha256(repr(made_of).encode()).hexdigest()[:16]

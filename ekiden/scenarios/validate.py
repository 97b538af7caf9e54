"""Every fault of every scenario's files at once, with file, line and column.

Belongs here: rules between scenarios, and between a scenario and the files around it (segments, contents); they are
told of whatever can be read of a definition, also beside its other faults. Does not belong here: rules of one
definition (`definition`), and what the shop's data say (`shop`).
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, time
from pathlib import Path

from ekiden.scenarios.aliases import with_alias_faults
from ekiden.scenarios.anchor import AnchorChoice
from ekiden.scenarios.contents import content_findings
from ekiden.scenarios.definition import Checked, DefinitionFault, ScenarioDefinition, check
from ekiden.scenarios.faults import Location, fault, meant
from ekiden.scenarios.report import CheckedScenario, Finding, Locator, Report, Severity, finding_at, from_source
from ekiden.scenarios.rules import frames
from ekiden.scenarios.source import ProjectSources, ScenarioSource, read_project
from ekiden.scenarios.warnings import without_effect_by_hand
from ekiden.scenarios.yaml_complaints import Position
from ekiden.scenarios.yaml_reader import NOT_DECIMAL


def validate(
    project: Path,
    *,
    options: Collection[str] = (),
    batch_time: time | None = None,
    today: date | None = None,
    contents: Path | None = None,
    extra: Sequence[Path] = (),
) -> Report:
    """Return what is wrong with the scenarios of a dbt project; opens no database and never raises for what it reads.

    `today` is the shop's date; `contents` the folder of message templates, None: they are not tried; `extra` are files
    elsewhere that are looked at together with the project's.
    """
    sources = with_alias_faults(read_project(project, extra))
    checked = [
        check(source.definition, options=frozenset(options), batch_time=batch_time) for source in sources.scenarios
    ]
    holders = _holders(sources.scenarios, checked)
    codes = {*holders, *_written_codes(sources.scenarios)}
    scenarios = []
    for source, result in zip(sources.scenarios, checked, strict=True):
        locate = Locator(source, project)
        findings = [from_source(each, source.model_name, project) for each in source.faults]
        breaking = list(_model_faults(source, sources, result, project))
        if source.definition is not None:
            breaking += [locate(each) for each in result.faults]
        findings += breaking
        findings += [locate(each, "warning") for each in result.warnings]
        if result.readable is not None:
            findings += [locate(each) for each in _code_faults(source, result.readable, holders, codes)]
            if contents is not None:
                by_hand = source.sql is not None and not source.sql.compiled_here
                tried = content_findings(result.readable, contents, is_by_hand=by_hand)
                findings += [locate(each, severity) for severity, each in tried]
        if result.scenario is not None:
            findings += [locate(each, "warning") for each in _over(result.scenario, today)]
        scenarios.append(
            CheckedScenario(
                source,
                result,
                tuple(_once(findings)),
                is_broken=bool(source.faults) or any(each.severity == "error" for each in breaking),
                stops_dbt=source.stops_dbt or any(each.rule in STOPS_DBT for each in breaking),
            )
        )
    return Report(tuple(scenarios), tuple(from_source(each, "", project) for each in sources.faults))


STOPS_DBT = frozenset({"not_jinja", "unknown_segment_in_model"})
"""Faults of a model's SQL with which dbt reads none of the project."""

SAID_OF_TEXT = frozenset({"unreadable_value", NOT_DECIMAL})
"""Faults of how a value is written; the rule of its setting says better what to write."""


def _once(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield each fault once: what YAML cannot read as it is meant is often no value of a definition either."""
    errors = [finding for finding in findings if finding.severity == "error"]
    # a warning takes the place of no error: with it alone, what is left out of the build would have no reason
    told_better = {_place(finding) for finding in errors if finding.rule not in SAID_OF_TEXT}
    seen = set()
    for finding in findings:
        if finding.rule in SAID_OF_TEXT and _place(finding) in told_better:
            continue
        key = (*_place(finding), finding.rule)
        if key not in seen or finding.severity == "warning":
            seen.add(key)
            yield finding


def _place(finding: Finding) -> tuple[str, int, int]:
    return finding.file, finding.line, finding.column


def _holders(sources: Sequence[ScenarioSource], checked: Sequence[Checked]) -> Mapping[str, Sequence[str]]:
    """Return the models that have each code, in the order of the files."""
    holders: dict[str, list[str]] = defaultdict(list)
    for source, result in zip(sources, checked, strict=True):
        if result.readable is not None and result.readable.code is not None:
            holders[result.readable.code].append(source.model_name)
    return holders


def _written_codes(sources: Sequence[ScenarioSource]) -> Iterator[str]:
    """Yield the codes as they are written: a scenario with faults can be named by another all the same."""
    for source in sources:
        code = source.definition.get("code") if isinstance(source.definition, Mapping) else None
        if isinstance(code, str):
            yield code


def _code_faults(
    source: ScenarioSource,
    scenario: ScenarioDefinition,
    holders: Mapping[str, Sequence[str]],
    codes: Collection[str],
) -> Iterator[DefinitionFault]:
    # told of each of them: the files do not say which was there first, and a scenario that runs must keep its code
    if others := [model for model in holders.get(scenario.code, ()) if model != source.model_name]:
        has_it = f"the code {scenario.code!r} is also that of model {' and '.join(others)}"
        message = f"{has_it}; choose another for the newer one: who was built with a code keeps it"
        yield fault("duplicate_code", ("code",), message, scenario.code)
    for place, frame in frames(scenario):
        if frame.type == "scenario":
            for index, code in enumerate(frame.codes or ()):
                if code not in codes:
                    message = f"no scenario here has the code {code!r}{meant(code, sorted(codes))}"
                    yield fault("unknown_scenario", (*place, "codes", index), message, code)


def segments_named(scenario: ScenarioDefinition) -> Iterator[tuple[Location, str]]:
    """Yield the segments that a definition reads, each with its place."""
    if isinstance(scenario.anchor, AnchorChoice) and scenario.anchor.entered is not None:
        yield ("anchor", "entered"), scenario.anchor.entered
    for place, frame in frames(scenario):
        if frame.type == "segment":
            for index, code in enumerate(frame.codes or ()):
                yield (*place, "codes", index), code


def _model_faults(
    source: ScenarioSource, sources: ProjectSources, checked: Checked, project: Path
) -> Iterator[Finding]:
    """Yield what is wrong between the definition, the model's SQL and the segments."""
    locate = Locator(source, project)
    sql = source.sql
    known = sorted(sources.segments)
    scenario = checked.scenario
    read = list(segments_named(checked.readable)) if checked.readable is not None else []
    for place, name in read:
        if name not in sources.segments:
            message = f"{name} is no model under models/segments{meant(name, known)}; there are: {', '.join(known)}"
            yield locate(fault("unknown_segment", place, message, name))
        elif sql is not None and sql.compiled_here and not sql.fault and name not in sql.segments:
            names = sorted({*sql.segments, *(each for _, each in read if each in sources.segments)})
            call = f"{{{{ eligibility(segments={names}) }}}}"
            message = f"{sql.file.name} must name it too, so that dbt builds it first: {call}"
            yield locate(fault("segment_not_named", place, message, name))
    if sql is None:
        return

    def in_sql(severity: Severity, rule: str, line: int, message: str) -> Finding:
        return finding_at(severity, rule, sql.file, Position(line, 1), source.model_name, "", message, project=project)

    if not sql.compiled_here and sql.fault is None:
        if scenario is not None:
            for each in without_effect_by_hand(scenario):
                yield locate(each, "warning")
        if source.document is not None and not _has_contract_test(source):
            message = (
                "write `data_tests: [eligibility_contract]` in the model's yml: it checks what was written by hand"
            )
            yield in_sql("warning", "contract_test_missing", 1, message)
    if sql.fault is not None:
        yield in_sql("error", "not_jinja", *sql.fault)
    for name in sql.segments:
        if name not in sources.segments:
            message = f"{name} is no model under models/segments{meant(name, known)}; there are: {', '.join(known)}"
            yield in_sql("error", "unknown_segment_in_model", sql.segments_line, message)
        elif scenario is not None and name not in {each for _, each in read}:
            message = f"the segment {name} is named here and not used by the definition"
            yield in_sql("warning", "segment_not_used", sql.segments_line, message)


def _has_contract_test(source: ScenarioSource) -> bool:
    value = source.document.value if source.document is not None else None
    models = value.get("models") if isinstance(value, Mapping) else None
    for model in models if isinstance(models, list) else ():
        if isinstance(model, Mapping) and model.get("name") == source.model_name:
            tests = model.get("data_tests") or model.get("tests") or ()
            return isinstance(tests, list) and any(
                test == "eligibility_contract" or (isinstance(test, Mapping) and "eligibility_contract" in test)
                for test in tests
            )
    return False


def _over(scenario: ScenarioDefinition, today: date | None) -> Iterator[DefinitionFault]:
    last = scenario.period.last if scenario.period else None
    if today is not None and last is not None and last < today and scenario.status == "enabled":
        message = f"the period ended on {last}: no step 1 will be due any more; disable the scenario or extend it"
        yield fault("period_over", ("period", "to"), message, last.isoformat())

"""Every version that a script's scenarios go through: pure functions.

Belongs here: how the timeline's edits change a scenario. Does not belong here: what a shorthand key means
(`translate`), and building what came out (`project`).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ekiden.scenarios.definition import OPTIONS, check
from tests.acceptance.conditions import conditions
from tests.acceptance.reading import ScriptFault, by_own_names, parse
from tests.acceptance.script import Disable, DmExport, EditScenario, Enable, ForceStop, OnRows, Operation, Script
from tests.acceptance.shorthand import Scenario, Step
from tests.acceptance.translate import definition, step
from tests.acceptance.values import listed

SECTIONS = ("target", "exclusion", "stop")
FIXED_LISTS = ("fixed_list", "fixed")
# what may stand in the names of tables as it is; with what follows it, it is far from PostgreSQL's 63 characters
PLAIN_ID = re.compile(r"[a-z][a-z0-9_]{0,31}")
DIGEST = 16  # hexadecimal digits: no two of a folder's scripts share them by chance
# the operations that in a deployment are edits of a scenario's file
Edit = Enable | Disable | EditScenario | ForceStop


@dataclass(frozen=True)
class Version:
    """A scenario as it stands from one operation on: its model, its number and its definition."""

    model_name: str
    """The name of the scenario's model, the same for every version."""
    version_no: int
    definition: Mapping[str, Any]
    segments: tuple[str, ...]
    """The segments it reads, as its model must name them."""

    @property
    def build_name(self) -> str:
        """A name for this version's compiled SQL."""
        return f"{self.model_name}__{self.version_no}"


@dataclass(frozen=True)
class SegmentModel:
    """A segment that a script brings along: who is in it by name or event, and by which conditions."""

    model_name: str
    segment: str
    target: Mapping[str, Any]
    """Its conditions in the language's own words; empty for a segment that has none."""
    segments: tuple[str, ...] = ()
    """The models of the segments that it is made from."""
    saved_at: datetime | None = None
    """Of a fixed list: since when those are in it whom the conditions held for by then."""

    @property
    def build_name(self) -> str:
        """The name of its compiled SQL: there is but one version of it."""
        return self.model_name


@dataclass(frozen=True)
class Cast:
    """Every version a script's scenarios go through, and the segments they read."""

    at_start: tuple[Version, ...]
    by_operation: Mapping[int, Version]
    """The version an operation makes, by its place in the timeline."""

    segments: tuple[SegmentModel, ...] = ()

    def versions(self) -> tuple[Version, ...]:
        return (*self.at_start, *self.by_operation.values())


def cast(script: Script) -> Cast:
    """Return every version of a script's scenarios; raise `ScriptFault` for a definition with faults."""
    shorthand = list(script.scenarios)
    numbers = [1] * len(shorthand)
    models = segments(script)
    at_start = tuple(_version(script, models, place, 1, scenario) for place, scenario in enumerate(shorthand))
    most_steps = [len(scenario.steps) for scenario in shorthand]
    by_operation = {}
    for moment, operation in enumerate(script.timeline):
        if isinstance(operation, Edit | OnRows | DmExport) and operation.scenario is not None:
            place = _place_of(shorthand, operation.scenario, moment)
            if isinstance(operation, OnRows) and operation.step not in (None, *range(1, most_steps[place] + 1)):
                raise ScriptFault(f"timeline[{moment}]: {operation.scenario!r} has no step {operation.step}")
            if isinstance(operation, Edit):
                shorthand[place] = edited(shorthand[place], operation, f"timeline[{moment}]")
                most_steps[place] = max(most_steps[place], len(shorthand[place].steps))
                numbers[place] += 1
                by_operation[moment] = _version(script, models, place, numbers[place], shorthand[place])
    return Cast(at_start, by_operation, models)


def segments(script: Script) -> tuple[SegmentModel, ...]:
    """Return the segments that a script brings along, those of its events and customers included.

    Raises `ScriptFault` for one whose conditions are none that a scenario could have.
    """
    named = [
        *script.segments,
        *(event.segment for event in script.events if event.segment),
        *(name for customer in script.customers for name in customer.segments),
    ]
    models = {
        name: f"{model_prefix(script)}__segment_{number}" for number, name in enumerate(dict.fromkeys(named), start=1)
    }
    found = tuple(_segment(script, name, models) for name in models)
    try:
        TopologicalSorter({segment.model_name: segment.segments for segment in found}).prepare()
    except CycleError:
        raise ScriptFault("segments are made from one another in a circle") from None
    return found


def _segment(script: Script, name: str, models: Mapping[str, str]) -> SegmentModel:
    given = script.segments.get(name)
    if given is None:
        return SegmentModel(models[name], name, {})
    # since when is no condition: those named are in it since then, or the list was saved then
    target = conditions(given.model_copy(update={"since": None}))
    if not target:
        return SegmentModel(models[name], name, {})
    is_fixed = given.kind in FIXED_LISTS
    if is_fixed and given.since is None:
        raise ScriptFault(f"segment {name!r} is a fixed list of conditions: say 'since' when it was saved")
    if given.since is not None and not is_fixed and not given.customers:
        raise ScriptFault(f"segment {name!r}: whom conditions hold for is in it since then; leave 'since' out")
    if unknown := sorted(_segments_of({"target": target}) - set(models)):
        raise ScriptFault(f"segment {name!r} is made from a segment {unknown[0]!r} that is not in the script")
    # the least scenario: what is wrong with it is wrong with the segment
    steps = [step(Step(offset=1))]
    scenario = {"code": "segment", "name": "segment", "anchor": "member_registered", "target": target, "steps": steps}
    meaning = _checked(script, f"segment {name!r} is none", _with_segments(scenario, models))
    read = tuple(sorted(_segments_of(meaning)))
    return SegmentModel(models[name], name, meaning["target"], read, given.since if is_fixed else None)


def edited(scenario: Scenario, operation: Operation, place: str = "the change") -> Scenario:
    """Return the scenario as an operation on it leaves it; a fault of a change names the operation's place."""
    given = scenario.model_dump(by_alias=True, exclude_unset=True)
    match operation:
        case Enable(step=int() as number):
            change: dict[str, Any] = {"steps": _enabled(scenario, given["steps"], number)}
        case Enable():
            change = {"status": "enabled"}
        case Disable(mode=mode):
            change = {"status": "disabled"} | ({"disable_mode": mode} if mode else {})
        case EditScenario():
            change = by_own_names(Scenario, operation.change)
        case ForceStop():
            steps: Sequence[Mapping[str, Any]] = given["steps"]
            # each step below is stopped as well, and has to be enabled by itself
            for number in range(operation.step, max(operation.step, len(steps)) + 1):
                steps = _with_state(scenario, steps, number, "force_stopped")
            change = {"steps": steps}
        case _:
            raise TypeError(f"{operation!r} changes no scenario")
    return parse(Scenario, given | change, place)


def _enabled(scenario: Scenario, steps: Sequence[Mapping[str, Any]], number: int) -> list[Any]:
    """Return the steps with this one enabled; those below that its stop has stopped are not (Q-12)."""
    after = _with_state(scenario, steps, number, "enabled")
    if scenario.steps[number - 1].state == "force_stopped":
        after[number:] = [{"state": "force_stopped"} | dict(step) for step in after[number:]]
    return after


def _with_state(scenario: Scenario, steps: Sequence[Mapping[str, Any]], number: int, state: str) -> list[Any]:
    if not 1 <= number <= len(steps):
        raise ScriptFault(f"scenario {scenario.code!r} has no step {number}")
    return [dict(step) | ({"state": state} if place == number else {}) for place, step in enumerate(steps, start=1)]


def _version(
    script: Script, segment_models: Sequence[SegmentModel], place: int, number: int, scenario: Scenario
) -> Version:
    models = {segment.segment: segment.model_name for segment in segment_models}
    what = f"scenario {scenario.code!r} is none"
    meaning = _checked(script, what, _with_segments(definition(scenario), models))
    return Version(f"{model_prefix(script)}__{place + 1}", number, meaning, tuple(sorted(_segments_of(meaning))))


def _checked(script: Script, what: str, meaning: dict[str, Any]) -> dict[str, Any]:
    """Return a definition as it is; raise `ScriptFault` for its faults."""
    checked = check(meaning, options=options(script))
    if checked.faults:
        told = "\n".join(f"  {fault.place}: {fault.message} ({fault.rule})" for fault in checked.faults)
        raise ScriptFault(f"{what} that Ekiden can run:\n{told}")
    return meaning


def options(script: Script) -> frozenset[str]:
    """Return what a script's shop has beyond the ordinary: everything, unless the script says otherwise."""
    return OPTIONS if script.options is None else frozenset(script.options)


def model_prefix(script: Script) -> str:
    """Return what the names of a script's models begin with: its id, or a digest of one that fits no table's name."""
    plain = script.id.lower().replace("-", "_")
    if PLAIN_ID.fullmatch(plain):
        return plain
    return f"script_{hashlib.sha256(script.id.encode()).hexdigest()[:DIGEST]}"


def _with_segments(meaning: dict[str, Any], models: Mapping[str, str]) -> dict[str, Any]:
    """Return a definition that names the models of the script's own segments."""
    anchor = meaning.get("anchor")
    if isinstance(anchor, Mapping) and isinstance(name := anchor.get("entered"), str):
        meaning = meaning | {"anchor": {"entered": models.get(name, name)}}
    for section in SECTIONS:
        if given := meaning.get(section, {}).get("frames"):
            named = [
                frame | {"codes": [models.get(str(code), code) for code in frame["codes"]]}
                if frame.get("type") == "segment" and isinstance(frame.get("codes"), list)
                else frame
                for frame in given
            ]
            meaning = meaning | {section: meaning[section] | {"frames": named}}
    return meaning


def _segments_of(meaning: Mapping[str, Any]) -> set[str]:
    anchor = meaning.get("anchor")
    found = {anchor["entered"]} if isinstance(anchor, Mapping) and "entered" in anchor else set()
    for section in SECTIONS:
        for frame in meaning.get(section, {}).get("frames", ()):
            if frame.get("type") == "segment":
                found |= set(map(str, listed(frame.get("codes"))))
    return found


def _place_of(scenarios: Sequence[Scenario], code: str, moment: int) -> int:
    for place, scenario in enumerate(scenarios):
        if scenario.code == code:
            return place
    known = ", ".join(scenario.code for scenario in scenarios)
    raise ScriptFault(f"timeline[{moment}]: there is no scenario {code!r} by then; there are: {known}")

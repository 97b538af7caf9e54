"""Every version that a script's scenarios go through: pure functions.

Belongs here: how the timeline's edits change a scenario. Does not belong here: what a shorthand key means
(`translate`), and building what came out (`project`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import AliasChoices, BaseModel

from ekiden.scenarios.definition import OPTIONS, check
from tests.acceptance.conditions import frames
from tests.acceptance.reading import ScriptFault, parse
from tests.acceptance.script import Disable, DmExport, EditScenario, Enable, ForceStop, OnRows, Operation, Script
from tests.acceptance.shorthand import Scenario
from tests.acceptance.translate import definition

SECTIONS = ("target", "exclusion", "stop")
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
    frames: tuple[Mapping[str, Any], ...]


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
    at_start = tuple(_version(script, place, 1, scenario) for place, scenario in enumerate(shorthand))
    by_operation = {}
    for moment, operation in enumerate(script.timeline):
        if not isinstance(operation, Edit | OnRows | DmExport) or operation.scenario is None:
            continue
        place = _place_of(shorthand, operation.scenario, moment)
        if not isinstance(operation, Edit):
            continue
        shorthand[place] = edited(shorthand[place], operation)
        numbers[place] += 1
        by_operation[moment] = _version(script, place, numbers[place], shorthand[place])
    return Cast(at_start, by_operation, segments(script))


def segments(script: Script) -> tuple[SegmentModel, ...]:
    """Return the segments that a script brings along, those of its events and customers included."""
    named = [
        *script.segments,
        *(event.segment for event in script.events if event.segment),
        *(name for customer in script.customers for name in customer.segments),
    ]
    return tuple(
        SegmentModel(
            f"{model_prefix(script)}__segment_{number}",
            name,
            tuple(frames(script.segments[name], relation="and")) if name in script.segments else (),
        )
        for number, name in enumerate(dict.fromkeys(named), start=1)
    )


def edited(scenario: Scenario, operation: Operation) -> Scenario:
    """Return the scenario as an operation on it leaves it."""
    given = scenario.model_dump(mode="json", by_alias=True, exclude_unset=True)
    match operation:
        case Enable(step=int() as step):
            change: dict[str, Any] = {"steps": _with_state(scenario, given["steps"], step, "enabled")}
        case Enable():
            change = {"status": "enabled"}
        case Disable(mode=mode):
            change = {"status": "disabled"} | ({"disable_mode": mode} if mode else {})
        case EditScenario():
            change = by_own_names(Scenario, operation.change)
        case ForceStop():
            change = {"steps": _with_state(scenario, given["steps"], operation.step, "force_stopped")}
        case _:
            raise TypeError(f"{operation!r} changes no scenario")
    return parse(Scenario, given | change)


def by_own_names(shape: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping with the name of each field for whichever of its words stands there."""
    words = {
        word: name
        for name, field in shape.model_fields.items()
        if isinstance(field.validation_alias, AliasChoices)
        for word in field.validation_alias.choices
    }
    return {words.get(key, key): value for key, value in given.items()}


def _with_state(scenario: Scenario, steps: Sequence[Mapping[str, Any]], number: int, state: str) -> list[Any]:
    if not 1 <= number <= len(steps):
        raise ScriptFault(f"scenario {scenario.code!r} has no step {number}")
    return [dict(step) | ({"state": state} if place == number else {}) for place, step in enumerate(steps, start=1)]


def max_lateness(script: Script) -> timedelta | None:
    """Return the lateness the script's scenarios allow, like `6h`; it is one setting of a deployment."""
    written = {scenario.max_lateness for scenario in script.scenarios}
    if written == {None}:
        return None
    if len(written) > 1:
        raise ScriptFault("'max_lateness' is a deployment's setting: give every scenario the same")
    text = written.pop() or ""
    if not text.endswith("h") or not text[:-1].isdigit():
        raise ScriptFault(f"'max_lateness' is written in hours, like 6h; given: {text!r}")
    return timedelta(hours=int(text[:-1]))


def _version(script: Script, place: int, number: int, scenario: Scenario) -> Version:
    models = {segment.segment: segment.model_name for segment in segments(script)}
    meaning = _with_segments(definition(scenario), models)
    checked = check(meaning, options=options(script))
    if checked.faults:
        listed = "\n".join(f"  {fault.place}: {fault.message} ({fault.rule})" for fault in checked.faults)
        raise ScriptFault(f"scenario {scenario.code!r} is none that Ekiden can run:\n{listed}")
    return Version(f"{model_prefix(script)}__{place + 1}", number, meaning, tuple(sorted(_segments_of(meaning))))


def options(script: Script) -> frozenset[str]:
    """Return what a script's shop has beyond the ordinary: everything, unless the script says otherwise."""
    return OPTIONS if script.options is None else frozenset(script.options)


def model_prefix(script: Script) -> str:
    """Return what the names of a script's models begin with."""
    return script.id.lower().replace("-", "_")


def _with_segments(meaning: dict[str, Any], models: Mapping[str, str]) -> dict[str, Any]:
    """Return a definition that names the models of the script's own segments."""
    anchor = meaning["anchor"]
    if isinstance(anchor, Mapping) and "entered" in anchor:
        name = anchor["entered"]
        meaning = meaning | {"anchor": {"entered": models.get(name, name)}}
    for section in SECTIONS:
        if given := meaning.get(section, {}).get("frames"):
            named = [
                frame | {"codes": [models.get(code, code) for code in frame.get("codes", [])]}
                if frame.get("type") == "segment"
                else frame
                for frame in given
            ]
            meaning = meaning | {section: meaning[section] | {"frames": named}}
    return meaning


def _segments_of(meaning: Mapping[str, Any]) -> set[str]:
    anchor = meaning["anchor"]
    found = {anchor["entered"]} if isinstance(anchor, Mapping) and "entered" in anchor else set()
    for section in SECTIONS:
        for frame in meaning.get(section, {}).get("frames", ()):
            if frame.get("type") == "segment":
                found |= set(frame["codes"])
    return found


def _place_of(scenarios: Sequence[Scenario], code: str, moment: int) -> int:
    for place, scenario in enumerate(scenarios):
        if scenario.code == code:
            return place
    known = ", ".join(scenario.code for scenario in scenarios)
    raise ScriptFault(f"timeline[{moment}]: there is no scenario {code!r} by then; there are: {known}")

"""Every version that a script's scenarios go through: pure functions.

Belongs here: how the timeline's edits change a scenario. Does not belong here: what a shorthand key means
(`translate`), and building what came out (`project`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ekiden.scenarios.definition import check
from tests.acceptance.reading import ScriptFault, parse
from tests.acceptance.script import Disable, EditScenario, Enable, ForceStop, Operation, Script
from tests.acceptance.shorthand import Scenario
from tests.acceptance.translate import definition

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

    @property
    def build_name(self) -> str:
        """A name for this version's compiled SQL."""
        return f"{self.model_name}__{self.version_no}"


@dataclass(frozen=True)
class Cast:
    """Every version a script's scenarios go through."""

    at_start: tuple[Version, ...]
    by_operation: Mapping[int, Version]
    """The version an operation makes, by its place in the timeline."""

    def versions(self) -> tuple[Version, ...]:
        return (*self.at_start, *self.by_operation.values())


def cast(script: Script) -> Cast:
    """Return every version of a script's scenarios; raise `ScriptFault` for a definition with faults."""
    shorthand = list(script.scenarios)
    numbers = [1] * len(shorthand)
    at_start = tuple(_version(script, place, 1, scenario) for place, scenario in enumerate(shorthand))
    by_operation = {}
    for moment, operation in enumerate(script.timeline):
        if not isinstance(operation, Edit):
            continue
        place = _place_of(shorthand, operation.scenario)
        shorthand[place] = edited(shorthand[place], operation)
        numbers[place] += 1
        by_operation[moment] = _version(script, place, numbers[place], shorthand[place])
    return Cast(at_start, by_operation)


def edited(scenario: Scenario, operation: Operation) -> Scenario:
    """Return the scenario as an operation on it leaves it."""
    given = scenario.model_dump(mode="json", by_alias=True, exclude_unset=True)
    match operation:
        case Enable():
            change: dict[str, Any] = {"status": "enabled"}
        case Disable():
            change = {"status": "disabled"}
        case EditScenario():
            change = operation.change
        case ForceStop():
            if not 1 <= operation.step <= len(scenario.steps):
                raise ScriptFault(f"scenario {scenario.code!r} has no step {operation.step}")
            steps = list(given["steps"])
            steps[operation.step - 1] = steps[operation.step - 1] | {"state": "force_stopped"}
            change = {"steps": steps}
        case _:
            raise TypeError(f"{operation!r} changes no scenario")
    return parse(Scenario, given | change)


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
    meaning = definition(scenario)
    _, faults = check(meaning)
    if faults:
        listed = "\n".join(f"  {fault.place}: {fault.message} ({fault.rule})" for fault in faults)
        raise ScriptFault(f"scenario {scenario.code!r} is none that Ekiden can run:\n{listed}")
    name = f"{script.id.lower().replace('-', '_')}__{place + 1}"
    segments = (scenario.segment,) if scenario.segment else ()
    return Version(name, number, meaning, segments)


def _place_of(scenarios: Sequence[Scenario], code: str) -> int:
    for place, scenario in enumerate(scenarios):
        if scenario.code == code:
            return place
    raise ScriptFault(f"there is no scenario {code!r}")

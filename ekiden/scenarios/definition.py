"""The door to scenario definitions: check what somebody wrote under `config.meta.scenario` of a dbt model.

Belongs here: putting shape, rules and warnings together. Does not belong here: any of them by itself (`scenario`,
`frames`, `member`, `anchor`, `rules`, `dates`, `options`, `warnings`), where definitions are kept
(`ekiden.scenarios.source`, `ekiden.scenarios.registry`), and how conditions become SQL (`dbt_project/macros`).
"""

from collections.abc import Iterator, Mapping, Set
from datetime import time
from typing import NamedTuple

from pydantic import ValidationError

from ekiden.scenarios import integers
from ekiden.scenarios.dates import members_can_exist, step_1_can_be_due
from ekiden.scenarios.faults import DefinitionFault, Location, fault, from_pydantic
from ekiden.scenarios.lenient import read_leniently
from ekiden.scenarios.options import OPTIONS, options_are_enabled
from ekiden.scenarios.rules import RULES, nothing_is_written_as_null
from ekiden.scenarios.scenario import (
    EXPORTED_CHANNELS,
    MAIL_CHANNELS,
    SENT_CHANNELS,
    Channel,
    ScenarioDefinition,
    Step,
)
from ekiden.scenarios.warnings import all_warnings

__all__ = [
    "EXPORTED_CHANNELS",
    "FAULTS_KEY",
    "MAIL_CHANNELS",
    "OPTIONS",
    "SENT_CHANNELS",
    "Channel",
    "Checked",
    "DefinitionFault",
    "ScenarioDefinition",
    "Step",
    "check",
]

FAULTS_KEY = "$faults"
"""Under this key dbt's registry tells why a model was built empty; nobody writes it by hand."""

ABSENCES = frozenset({"codes_required", "content_required", "member_empty", "relation_required", "steps_required"})
"""Rules that miss something; reading as far as it goes takes what is broken for missing."""


class Checked(NamedTuple):
    """What a definition turned out to be: a scenario without faults, or faults and no scenario."""

    scenario: ScenarioDefinition | None
    faults: tuple[DefinitionFault, ...]
    warnings: tuple[DefinitionFault, ...]
    readable: ScenarioDefinition | None = None
    """The definition as far as it goes, whatever its faults: what is broken in it is None (`lenient`). None where
    nothing can be read."""


def check(definition: object, *, options: Set[str] = frozenset(), batch_time: time | None = None) -> Checked:
    """Return the scenario a definition describes, or every fault that was found; never raises.

    `options` are those of the deployment, `batch_time` the local time of its daily planning. Warnings are only given
    with a scenario: what a broken definition would do is not known.
    """
    if not isinstance(definition, Mapping):
        return Checked(None, (fault("not_a_mapping", (), "a scenario is a mapping of settings", definition),), ())
    large = [fault(integers.RULE, place, integers.MESSAGE) for place in integers.too_large(definition)]
    given = integers.nearest(definition)
    scenario: ScenarioDefinition | None = None
    shape: list[DefinitionFault] = large
    try:
        scenario = ScenarioDefinition.model_validate(given)
        readable = scenario
    except ValidationError as error:
        shape = [*large, *_without_known(from_pydantic(error.errors()), large)]
        readable = read_leniently(ScenarioDefinition, given)
    shape = [*shape, *_without_known(nothing_is_written_as_null(given), shape)]
    faults = (*shape, *_without_known(_broken_rules(readable, options), shape))
    if faults or scenario is None:
        return Checked(None, faults, (), readable)
    return Checked(scenario, (), tuple(all_warnings(scenario, batch_time)), scenario)


def _broken_rules(scenario: ScenarioDefinition, options: Set[str]) -> Iterator[DefinitionFault]:
    for rule in (*RULES, step_1_can_be_due, members_can_exist):
        yield from rule(scenario)
    yield from options_are_enabled(scenario, options)


def _without_known(found: Iterator[DefinitionFault], known: list[DefinitionFault]) -> Iterator[DefinitionFault]:
    """Yield the faults that do not stand where a value was already found broken, or below it."""
    places = {other.location for other in known}
    above = {upper for place in places for upper in _with_those_above(place)}
    for each in found:
        # what is broken is there: it is not missing
        is_missed = each.rule in ABSENCES and each.location in above
        if not is_missed and places.isdisjoint(_with_those_above(each.location)):
            yield each


def _with_those_above(place: Location) -> Iterator[Location]:
    return (place[:depth] for depth in range(len(place) + 1))

"""What a deployment must have switched on before a scenario may ask for it (R-043, R-071, R-101e, R-101j, R-151).

Belongs here: the options and what needs them. Does not belong here: where they are set (`ekiden.settings`).
"""

from collections.abc import Iterator, Set
from typing import get_args

from ekiden.scenarios.anchor import AnchorChoice
from ekiden.scenarios.faults import DefinitionFault, Location, fault
from ekiden.scenarios.rules import frames
from ekiden.scenarios.scenario import CONTRACTED_CHANNELS, Channel, ScenarioDefinition
from ekiden.settings import Option

OPTIONS: frozenset[str] = frozenset(get_args(Option))
"""Every option there is."""


def options_are_enabled(scenario: ScenarioDefinition, options: Set[str]) -> Iterator[DefinitionFault]:
    """What needs an option has it; a channel that has it is still none that this version can send."""
    for option, place in _needed(scenario):
        if option not in options:
            message = f"this needs the option {option}; add it to EKIDEN_OPTIONS if the shop has it"
            yield fault("option_not_enabled", place, message, option)
        elif option in CONTRACTED_CHANNELS:
            message = f"the option {option} is on, but this version cannot send {option}; choose another channel"
            yield fault("channel_not_supported", place, message, option)


def _needed(scenario: ScenarioDefinition) -> Iterator[tuple[Option, Location]]:
    """Yield the options a definition needs, each with the place that needs it."""
    anchor = scenario.anchor
    if isinstance(anchor, AnchorChoice):
        if anchor.tag_granted is not None:
            yield "member_tag", ("anchor", "tag_granted")
        cancelled = anchor.subscription_cancelled
        if cancelled is not None and cancelled.reasons is not None:
            yield "cancel_reason", ("anchor", "subscription_cancelled", "reasons")
    for place, frame in frames(scenario):
        if frame.type == "subscription_cancelled" and frame.reasons is not None:
            yield "cancel_reason", (*place, "reasons")
        if frame.type == "member" and frame.member is not None:
            if frame.member.tag is not None:
                yield "member_tag", (*place, "member", "tag")
            if frame.member.rank is not None:
                yield "member_rank", (*place, "member", "rank")
    for index, step in enumerate(scenario.steps or ()):
        if step is not None and step.channel in CONTRACTED_CHANNELS:
            yield "line" if step.channel is Channel.LINE else "sms", ("steps", index, "channel")

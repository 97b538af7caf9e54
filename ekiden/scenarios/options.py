"""What a deployment must have switched on before a scenario may ask for it (R-043, R-071, R-101e, R-101j, R-151).

Belongs here: the options and what needs them. Does not belong here: where they are set (`ekiden.settings`).
"""

from collections.abc import Iterator, Set
from typing import get_args

from ekiden.scenarios.anchor import AnchorChoice
from ekiden.scenarios.faults import DefinitionFault, Location, fault
from ekiden.scenarios.rules import frames
from ekiden.scenarios.scenario import Channel, ScenarioDefinition
from ekiden.settings import Option

OPTIONS: frozenset[str] = frozenset(get_args(Option))
"""Every option there is."""

OPTION_OF: dict[str, Option] = {Channel.LINE: "line", Channel.SMS: "sms", Channel.WEB_PUSH: "web_push"}
"""The option of each channel that needs one: a contract (R-151), or a consent of its own (R-153)."""


def options_are_enabled(scenario: ScenarioDefinition, options: Set[str]) -> Iterator[DefinitionFault]:
    """What needs an option has it; whether a channel that has it is configured as well, `ekiden status` says."""
    for option, place, found in _needed(scenario):
        if option not in options:
            message = f"this needs the option {option}; add it to EKIDEN_OPTIONS if the shop has it"
            yield fault("option_not_enabled", place, message, found)


def _needed(scenario: ScenarioDefinition) -> Iterator[tuple[Option, Location, object]]:
    """Yield the options a definition needs, each with the place that needs it and what stands there."""
    anchor = scenario.anchor
    if isinstance(anchor, AnchorChoice):
        if anchor.tag_granted is not None:
            yield "member_tag", ("anchor", "tag_granted"), anchor.tag_granted
        cancelled = anchor.subscription_cancelled
        if cancelled is not None and cancelled.reasons is not None:
            yield "cancel_reason", ("anchor", "subscription_cancelled", "reasons"), cancelled.reasons
    for place, frame in frames(scenario):
        if frame.type == "subscription_cancelled" and frame.reasons is not None:
            yield "cancel_reason", (*place, "reasons"), frame.reasons
        if frame.type == "member" and frame.member is not None:
            if frame.member.tag is not None:
                yield "member_tag", (*place, "member", "tag"), frame.member.tag
            if frame.member.rank is not None:
                yield "member_rank", (*place, "member", "rank"), frame.member.rank
    for index, step in enumerate(scenario.steps or ()):
        if step is not None and step.channel in OPTION_OF:
            yield OPTION_OF[step.channel], ("steps", index, "channel"), step.channel

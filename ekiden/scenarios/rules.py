"""What must hold between the settings of one definition; each rule yields its faults.

Belongs here: rules over one definition alone. Does not belong here: the shape of values (`scenario`, `frames`), and
rules that need other files or the shop's data (`validate`). A rule meets definitions that are read as far as they go:
what is broken is None, has been told already, and is no reason for another fault.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import time
from typing import Any

from ekiden.scenarios.anchor import ORDER_ANCHORS, PLAIN_ANCHORS, AnchorChoice
from ekiden.scenarios.faults import DefinitionFault, Location, fault
from ekiden.scenarios.frames import MAX_FRAMES, NEEDS_CODES, STATES, Conditions
from ekiden.scenarios.scenario import EXPORTED_CHANNELS, MAX_STEPS, OrderFilter, ScenarioDefinition

Faults = Iterator[DefinitionFault]

SECTIONS = ("target", "exclusion", "stop")
WITHOUT_NULLS = (*SECTIONS, "anchor", "orders", "period", "steps")
"""Settings in which null means nothing; elsewhere it means the default, or that there is none."""


def sections(scenario: ScenarioDefinition) -> Iterator[tuple[str, Conditions]]:
    """Yield the sections that can be read."""
    for name in SECTIONS:
        section = getattr(scenario, name)
        if isinstance(section, Conditions):
            yield name, section


def frames(scenario: ScenarioDefinition) -> Iterator[tuple[Location, Any]]:
    """Yield every frame that can be read, with its place."""
    for name, section in sections(scenario):
        for index, frame in enumerate(section.frames or ()):
            if frame is not None:
                yield (name, "frames", index), frame


def kind_of_anchor(scenario: ScenarioDefinition) -> str | None:
    """Return the anchor's name, None where it cannot be read."""
    anchor = scenario.anchor
    if isinstance(anchor, str):
        return anchor if anchor in PLAIN_ANCHORS else None
    if not isinstance(anchor, AnchorChoice):
        return None
    return next((name for name in AnchorChoice.model_fields if getattr(anchor, name, None) is not None), None)


def steps_are_few(scenario: ScenarioDefinition) -> Faults:
    """A scenario has 1 to 10 steps (R-135a)."""
    if scenario.steps is None:
        return
    if not scenario.steps:
        yield fault("steps_required", ("steps",), "a scenario has at least one step")
    if len(scenario.steps) > MAX_STEPS:
        message = f"{len(scenario.steps)} steps; a scenario has at most {MAX_STEPS}"
        yield fault("too_many_steps", ("steps",), message, len(scenario.steps))


def frames_are_few_and_related(scenario: ScenarioDefinition) -> Faults:
    """At most 99 frames a section, each from the second on with a relation (R-100a, R-100e)."""
    for name, section in sections(scenario):
        number = len(section.frames or ())
        if number > MAX_FRAMES:
            message = f"{number} frames; there are at most {MAX_FRAMES}"
            yield fault("too_many_frames", (name, "frames"), message, number)
    for place, frame in frames(scenario):
        if place[-1] != 0 and frame.relation is None:
            message = "every frame after the first needs a relation: and, or, not"
            yield fault("relation_required", (*place, "relation"), message)


def frames_name_something(scenario: ScenarioDefinition) -> Faults:
    """A frame that names nothing would match nothing, or everything."""
    for place, frame in frames(scenario):
        if frame.type == "product":
            if frame.codes is not None and frame.other_than is not None:
                message = "give either 'codes' or 'other_than'; two frames can hold one each"
                yield fault("codes_or_other_than", (*place, "other_than"), message)
            elif frame.model_fields_set.isdisjoint(("codes", "other_than")):
                yield fault("codes_required", (*place, "codes"), "a product frame needs 'codes' or 'other_than'")
        elif frame.type in NEEDS_CODES and frame.codes is None:
            yield fault("codes_required", (*place, "codes"), f"{frame.type} frames need at least one code")
        elif frame.type == "member" and frame.member is not None and not frame.member.model_fields_set:
            yield fault("member_empty", (*place, "member"), "say at least one thing that the record must say")


def since_belongs_to_stops(scenario: ScenarioDefinition) -> Faults:
    """A target or an exclusion decides what the anchor is; what holds for a while has no 'since the anchor'."""
    for place, frame in frames(scenario):
        if frame.since != "anchor":
            continue
        if place[0] != "stop":
            message = "'since: anchor' belongs to stop conditions; a target decides what the anchor is"
        elif frame.type in STATES:
            message = f"a {frame.type} frame holds for a while and does not happen; leave 'since' out"
        else:
            continue
        yield fault("since_not_allowed", (*place, "since"), message, frame.since)


def other_scenarios_are_others(scenario: ScenarioDefinition) -> Faults:
    """A scenario frame is about other scenarios (R-130)."""
    for place, frame in frames(scenario):
        if frame.type == "scenario" and scenario.code is not None and scenario.code in (frame.codes or ()):
            index = frame.codes.index(scenario.code)
            message = "a scenario cannot wait for itself; name another, or leave 'codes' out for any other"
            yield fault("own_scenario", (*place, "codes", index), message, scenario.code)


def order_filters_need_orders(scenario: ScenarioDefinition) -> Faults:
    """Order filters need an anchor that is an order (R-085, R-086)."""
    kind = kind_of_anchor(scenario)
    if kind is None or scenario.orders is None or scenario.anchors_on_orders:
        return
    for name in OrderFilter.model_fields:
        value = getattr(scenario.orders, name, None)
        if value != OrderFilter.model_fields[name].default:
            rule = "order_period_not_allowed" if name == "period" else "order_filter_not_allowed"
            known = ", ".join(sorted(ORDER_ANCHORS))
            message = f"this needs an anchor that is an order ({known}); {kind} is not (R-086)"
            yield fault(rule, ("orders", name), message, value)


def steps_are_sent_in_the_window(scenario: ScenarioDefinition) -> Faults:
    """A planned time lies in the send window, both ends included, to the minute (R-109a, R-109e)."""
    window = scenario.send_window
    if window is None or window.first is None or window.last is None:
        return
    if window.first > window.last:
        message = f"the window ends ({window.last:%H:%M}) before it begins ({window.first:%H:%M})"
        yield fault("period_reversed", ("send_window",), message)
        return
    for index, step in _steps(scenario):
        if step.send_time is None:
            continue
        if not _to_the_minute(window.first) <= _to_the_minute(step.send_time) <= window.last:
            message = (
                f"step {index + 1} is sent at {step.send_time:%H:%M}, outside the window "
                f"{window.first:%H:%M} to {window.last:%H:%M}"
            )
            yield fault("outside_send_window", ("steps", index, "send_time"), message, f"{step.send_time:%H:%M}")


def sent_steps_have_content(scenario: ScenarioDefinition) -> Faults:
    """A step without content cannot be sent (R-135d); what sends nothing, like a draft, may still lack it."""
    if scenario.status == "enabled":
        sends = "an enabled scenario"
    elif scenario.status == "disabled" and scenario.disable_mode == "drain":
        sends = "a scenario that drains"
    else:
        return
    for index, step in _steps(scenario):
        if not step.content:
            way_out = ": any name that the letter or the call has" if step.channel in EXPORTED_CHANNELS else ""
            message = f"step {index + 1} has no content; {sends} needs it{way_out}"
            yield fault("content_required", ("steps", index, "content"), message)


def an_address_is_left(scenario: ScenarioDefinition) -> Faults:
    """Who switches off both addresses writes to nobody (R-144)."""
    policy = scenario.address_policy
    if policy is not None and policy.use_1 is False and policy.use_2 is False:
        message = "without both addresses nobody gets a mail; leave one of them on, or choose a list (channel: dm)"
        yield fault("no_address_left", ("address_policy",), message)


def nothing_is_written_as_null(given: Any, place: Location = ()) -> Faults:
    """Within conditions, filters and anchors a key either says something or is left out; `given` is as written."""
    items = given.items() if isinstance(given, Mapping) else enumerate(given) if isinstance(given, list) else ()
    for key, value in items:
        here = (*place, key if isinstance(key, int) else str(key))
        if not place and key not in WITHOUT_NULLS:
            continue
        if value is None and key in ("from", "to") and "custom" not in place:
            continue  # an open end may be written out (R-101n)
        if value is None:
            yield fault("empty", here, "nothing stands here; write a value, or leave the key out")
        else:
            yield from nothing_is_written_as_null(value, here)


def _to_the_minute(clock: time) -> time:
    return clock.replace(second=0, microsecond=0)


def _steps(scenario: ScenarioDefinition) -> Iterator[tuple[int, Any]]:
    for index, step in enumerate(scenario.steps or ()):
        if step is not None:
            yield index, step


RULES: Sequence[Callable[[ScenarioDefinition], Faults]] = (
    steps_are_few,
    frames_are_few_and_related,
    frames_name_something,
    since_belongs_to_stops,
    other_scenarios_are_others,
    order_filters_need_orders,
    steps_are_sent_in_the_window,
    sent_steps_have_content,
    an_address_is_left,
)
"""Rules that need nothing but the definition; those of time and of options stand in modules of their own."""

"""From a scenario's shorthand to its definition in Ekiden's own language: pure functions.

Belongs here: what a shorthand key means. Does not belong here: how the timeline's edits change a scenario (`cast`), and
the rules of definitions, which `ekiden.scenarios.definition` checks.
"""

from collections.abc import Sequence
from typing import Any

from tests.acceptance.reading import ScriptFault
from tests.acceptance.shorthand import Frame, Period, Scenario, Step, Stop, Target

# every step sends the same content: the scripts are about who gets which step when
CONTENT = "sample/step_1"
# settings that mean the same in a script and in a definition
SAME_NAME = (
    "code",
    "status",
    "source",
    "zero_day",
    "offset_basis",
    "past_date_policy",
    "past_time_today",
    "reentry",
    "enrol_at",
    "consent_recheck",
    "on_skip",
    "look_back_days",
    "priority",
)
# the anchors that say which one, and the shorthand's key that says it
ANCHOR_ARGUMENTS = {"event": "event", "entered": "segment", "tag_granted": "tag", "list_imported": "code"}


def definition(scenario: Scenario) -> dict[str, Any]:
    """Return the definition a shorthand scenario means; what it leaves out is left to Ekiden's defaults."""
    given: dict[str, Any] = {name: getattr(scenario, name) for name in SAME_NAME}
    given |= {
        "name": scenario.name or scenario.code,
        "anchor": anchor(scenario),
        "orders": orders(scenario),
        "target": target(scenario.target),
        "exclusion": exclusion(scenario.target),
        "stop": stop(scenario.stop),
        "period": period(scenario.period),
        "steps": [step(each) for each in scenario.steps],
    }
    if not scenario.multi_delivery:
        given["multi_delivery"] = False
    said = {key: value for key, value in given.items() if value not in (None, {})}
    if "send_window" in scenario.model_fields_set:
        window = scenario.send_window
        said["send_window"] = None if window is None else {"from": window[0], "to": window[1]}
    return said


def anchor(scenario: Scenario) -> str | dict[str, str]:
    """Return the definition's anchor, with what it names where it needs a name."""
    argument = ANCHOR_ARGUMENTS.get(scenario.anchor)
    for key in {"event", "segment", "tag"} - {argument}:
        if getattr(scenario, key) is not None:
            raise ScriptFault(f"key {key!r} says nothing for the anchor {scenario.anchor!r}")
    if argument is None:
        return scenario.anchor
    name = getattr(scenario, argument)
    if name is None:
        raise ScriptFault(f"the anchor {scenario.anchor!r} needs the key {argument!r}")
    return {scenario.anchor: str(name)}


def orders(scenario: Scenario) -> dict[str, Any]:
    """Return which orders may be the anchor."""
    return _said(
        kind=scenario.target.order_kind,
        continuation_no=scenario.target.continuation_no,
        period=period(scenario.order_period),
    )


def target(given: Target) -> dict[str, Any]:
    """Return who may enter; `products` and `categories` are the short form of a frame each; all must hold."""
    return _said(
        frames=frames(given.products, given.categories, (), given.frames, relation="and"),
        active_subscriber=given.active_subscriber,
    )


def exclusion(given: Target) -> dict[str, Any]:
    """Return who may not enter: whoever bought any of it."""
    return _said(frames=frames(given.exclude_products, given.exclude_categories, (), (), relation="or"))


def stop(given: Stop) -> dict[str, Any]:
    """Return what ends an enrolment; products, categories and events are alternatives (R-123)."""
    return _said(frames=frames(given.products, given.categories, given.events, given.frames, relation="or"))


def frames(
    products: Sequence[str],
    categories: Sequence[str],
    events: Sequence[str],
    written: Sequence[Frame],
    *,
    relation: str,
) -> list[dict[str, Any]]:
    """Return the short forms as frames, joined by `relation`, followed by the frames written out."""
    short = [
        {"type": kind, "codes": list(codes)}
        for kind, codes in (("product", products), ("category", categories), ("event", events))
        if codes
    ]
    long = [
        _said(
            type=frame.type,
            codes=list(frame.codes),
            count=frame.count.model_dump() if frame.count else None,
            relation=frame.rel,
            since=frame.since,
        )
        for frame in written
    ]
    joined = [frame if place == 0 else frame | {"relation": relation} for place, frame in enumerate(short)]
    if joined and long:
        long[0] = {"relation": relation} | long[0]
    return joined + long


def period(given: Period | None) -> dict[str, Any] | None:
    """Return a period in the definition's words."""
    if given is None:
        return None
    return _said(
        **{
            "from": given.first.isoformat() if given.first else None,
            "to": given.last.isoformat() if given.last else None,
        }
    )


def step(given: Step) -> dict[str, Any]:
    """Return one step; an automatic send time is said only where there is one."""
    said: dict[str, Any] = {
        "offset_days": given.offset,
        "send_time": given.time,
        "channel": given.channel,
        "content": CONTENT,
        "state": given.state,
    }
    return said if given.auto == "none" else said | {"auto_send_time": given.auto}


def _said(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, [], {})}

"""From a scenario's shorthand to its definition in Ekiden's own language: pure functions.

Belongs here: what a shorthand key means. Does not belong here: what short conditions mean (`conditions`), how the
timeline's edits change a scenario (`cast`), and the rules of definitions, which `ekiden.scenarios.definition` checks.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ekiden.scenarios.scenario import SOURCE_OF_ANCHOR
from tests.acceptance.conditions import exclusion, said, stop, target
from tests.acceptance.reading import ScriptFault
from tests.acceptance.shorthand import Period, Scenario, Step
from tests.acceptance.values import typed

# every step sends the same content: the scripts are about who gets which step when
CONTENT = "sample/step_1"
NO_CONTENT = (None, "", "none")
# settings that mean the same in a script and in a definition
SAME_NAME = (
    "code",
    "status",
    "site",
    "start",
    "zero_day",
    "offset_basis",
    "past_date_policy",
    "past_time_today",
    "reentry",
    "on_retrigger",
    "enrol_at",
    "consent_recheck",
    "variant_by_domain",
    "recheck_order_status",
    "on_skip",
    "look_back_days",
    "priority",
    "disable_mode",
    "reevaluate_on_update",
    "backfill_as_of",
    "hold_expires_after_days",
)
# the anchors that say which one, and the shorthand's key that says it
ANCHOR_ARGUMENTS = {"event": "event", "entered": "segment", "tag_granted": "tag", "list_imported": "list_code"}
NO_ORDER_ANCHORS = ("subscription_cancelled", "nth_purchase")


def definition(scenario: Scenario) -> dict[str, Any]:
    """Return the definition a shorthand scenario means; what it leaves out is left to Ekiden's defaults."""
    given: dict[str, Any] = {name: getattr(scenario, name) for name in SAME_NAME}
    given |= {
        "name": scenario.name or scenario.code,
        "source": source(scenario),
        "anchor": anchor(scenario),
        "orders": orders(scenario),
        "target": target(scenario.target),
        "exclusion": exclusion(scenario.target, scenario.exclusion),
        "stop": stop(scenario.stop),
        "period": period(scenario.period),
        "address_policy": typed(scenario.address_policy or {}),
        "steps": [step(each) for each in scenario.steps],
    }
    meant = {key: value for key, value in given.items() if value not in (None, {})}
    if scenario.multi_delivery is False:
        meant["multi_delivery"] = False
    if scenario.excluded_order_statuses is not None:
        meant["excluded_order_statuses"] = list(scenario.excluded_order_statuses)
    if scenario.count_excludes_status is not None:
        meant["count_excludes_status"] = list(scenario.count_excludes_status)
    if scenario.max_lateness is not None:
        meant["max_lateness"] = f"{scenario.max_lateness // timedelta(minutes=1)}m"
    if "send_window" in scenario.model_fields_set:
        meant["send_window"] = send_window(scenario.send_window)
    return meant


def source(scenario: Scenario) -> str | None:
    """Return the source; a script that names none means purchase_count, whatever the anchor."""
    kind = scenario.anchor if isinstance(scenario.anchor, str) else next(iter(scenario.anchor), None)
    return scenario.source or ("purchase_count" if kind in SOURCE_OF_ANCHOR else None)


def anchor(scenario: Scenario) -> str | dict[str, Any]:
    """Return the definition's anchor, with what it names where it needs a name."""
    if not isinstance(scenario.anchor, str):
        return typed(scenario.anchor)
    kind = scenario.anchor
    argument = ANCHOR_ARGUMENTS.get(kind)
    for key in {"event", "segment", "tag", "list_code"} - {argument}:
        if getattr(scenario, key) is not None:
            raise ScriptFault(f"key {key!r} says nothing for the anchor {kind!r}")
    if kind not in NO_ORDER_ANCHORS and (scenario.products or scenario.reasons or scenario.n is not None):
        raise ScriptFault(f"keys 'products', 'reasons' and 'n' say nothing for the anchor {kind!r}")
    if kind == "nth_purchase":
        return {kind: said(n=scenario.n, products=list(scenario.products or scenario.target.products))}
    if kind == "subscription_cancelled":
        narrowed = said(products=list(scenario.products), reasons=list(scenario.reasons))
        return {kind: narrowed} if narrowed else kind
    if argument is None:
        return kind
    name = getattr(scenario, argument)
    if name is None and kind == "list_imported":
        name = scenario.code
    if name is None:
        raise ScriptFault(f"the anchor {kind!r} needs the key {argument!r}")
    return {kind: str(name)}


def orders(scenario: Scenario) -> dict[str, Any]:
    """Return which orders may be the anchor."""
    return said(
        kind=scenario.target.order_kind,
        continuation_no=scenario.target.continuation_no,
        period=period(scenario.order_period),
    ) | typed(scenario.orders)


def period(given: Period | None) -> dict[str, Any] | None:
    """Return a period in the definition's words."""
    if given is None:
        return None
    return said(
        **{
            "from": given.first.isoformat() if given.first else None,
            "to": given.last.isoformat() if given.last else None,
        }
    )


def send_window(given: Any) -> dict[str, Any] | None:
    """Return the window as a pair or in the definition's own words."""
    if given is None or isinstance(given, Mapping):
        return given
    first, last = given
    return {"from": first, "to": last}


def step(given: Step) -> dict[str, Any]:
    """Return one step; an automatic send time is said only where there is one."""
    meant: dict[str, Any] = {
        "offset_days": given.offset,
        "send_time": given.time,
        "channel": given.channel,
        "content": given.content if "content" in given.model_fields_set else CONTENT,
        "state": given.state,
    }
    if meant["content"] in NO_CONTENT:
        del meant["content"]
    return meant if given.auto == "none" else meant | {"auto_send_time": given.auto}

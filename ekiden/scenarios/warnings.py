"""What is allowed and probably not meant. A warning never keeps a scenario from running.

Belongs here: warnings about one definition. Does not belong here: faults (`rules`).
"""

from collections import Counter
from collections.abc import Iterator
from datetime import time
from typing import Any

from ekiden.scenarios.anchor import AnchorChoice
from ekiden.scenarios.faults import DefinitionFault, Location, fault
from ekiden.scenarios.frames import OF_ORDERS, same_order_runs
from ekiden.scenarios.rules import frames, sections
from ekiden.scenarios.scenario import MAIL_CHANNELS, ScenarioDefinition
from ekiden.scenarios.values import Part

Warnings = Iterator[DefinitionFault]


def all_warnings(scenario: ScenarioDefinition, batch_time: time | None) -> Warnings:
    """Yield everything a writer may want to look at again; `batch_time` is the local time of the daily planning."""
    if batch_time is not None:
        yield from sent_at_the_batch(scenario, batch_time)
    yield from settings_without_effect(scenario)
    yield from addresses_without_choice(scenario)
    yield from scopes_without_a_run(scenario)
    yield from statuses_that_nothing_counts(scenario)
    yield from source_against_anchor(scenario)
    yield from first_relations(scenario)
    yield from filters_that_nothing_passes(scenario)
    yield from days_that_the_anchor_order_begins_anew(scenario)
    yield from steps_out_of_order(scenario)
    yield from codes_twice(scenario)


def sent_at_the_batch(scenario: ScenarioDefinition, batch_time: time) -> Warnings:
    """A step earlier than the daily planning goes out when that runs (R-108, C-11).

    Midnight is how one says just that: only a send window that was opened for it admits it, and nobody is written to.
    """
    for index, step in enumerate(scenario.steps):
        if time() < step.send_time < batch_time:
            message = (
                f"{step.send_time:%H:%M} is before the daily planning at {batch_time:%H:%M}: "
                "what is planned on its due date goes out as soon as it is planned"
            )
            yield fault("sends_at_batch", ("steps", index, "send_time"), message, f"{step.send_time:%H:%M}")


def settings_without_effect(scenario: ScenarioDefinition) -> Warnings:
    """Settings that another setting makes idle."""
    rule = "setting_without_effect"
    if scenario.reentry == "never" and scenario.on_retrigger == "restart":
        message = "nobody comes in twice with 'reentry: never', so nothing restarts; set reentry as well"
        yield fault(rule, ("on_retrigger",), message)
    if scenario.priority is not None and scenario.multi_delivery:
        message = "a priority counts only with 'multi_delivery: false'"
        yield fault(rule, ("priority",), message)
    if scenario.comes_from == "csv_list" and scenario.zero_day == "next_day":
        message = "for a list, 0 days are always the day of its import (R-106)"
        yield fault(rule, ("zero_day",), message)
    if scenario.anchors_on_orders:
        if scenario.recheck_order_status and not scenario.excluded_order_statuses:
            message = "no status of an order is excluded, so there is nothing to stop for; see excluded_order_statuses"
            yield fault(rule, ("recheck_order_status",), message)
    else:
        for name in ("recheck_order_status", "excluded_order_statuses"):
            if getattr(scenario, name) != ScenarioDefinition.model_fields[name].default:
                message = f"it is about the anchor order, and {scenario.anchor_kind} is no order"
                yield fault(rule, (name,), message)


def addresses_without_choice(scenario: ScenarioDefinition) -> Warnings:
    """Addresses are chosen for mail alone, and one is preferred to another."""
    rule, policy = "setting_without_effect", scenario.address_policy
    if not any(step.channel in MAIL_CHANNELS for step in scenario.steps):
        for name in ("address_policy", "variant_by_domain"):
            if name in scenario.model_fields_set:
                yield fault(rule, (name,), "no step is a mail, so no mail address is chosen")
    elif policy.preferred_domain != "none" and not (policy.use_1 and policy.use_2):
        message = "only one address is used, so there is none to prefer; leave it out, or use both"
        yield fault(rule, ("address_policy", "preferred_domain"), message, policy.preferred_domain)


READ_BY_THE_MACROS = (
    "target",
    "exclusion",
    "stop",
    "orders",
    "site",
    "start",
    "recheck_order_status",
    "excluded_order_statuses",
    "count_excludes_status",
)
"""What only `eligibility` reads; SQL written by hand says it itself."""


def without_effect_by_hand(scenario: ScenarioDefinition) -> Warnings:
    """Settings that nobody reads where the model's SQL was written by hand."""
    for name in READ_BY_THE_MACROS:
        if name in scenario.model_fields_set:
            message = f"the model's SQL was written by hand, and nothing reads '{name}' there; say it in the SQL"
            yield fault("setting_without_effect", (name,), message)


def scopes_without_a_run(scenario: ScenarioDefinition) -> Warnings:
    """`same_order` joins neighbours; where there are none, it says nothing."""
    for name, section in sections(scenario):
        pairs = [(frame.type, frame.relation) for frame in section.frames]
        if section.and_scope == "same_order" and not any(same_order_runs(pairs)):
            message = (
                "no two product or category frames stand next to each other joined by 'and'; there is nothing to join"
            )
            yield fault("setting_without_effect", (name, "and_scope"), message, section.and_scope)


def statuses_that_nothing_counts(scenario: ScenarioDefinition) -> Warnings:
    """Which orders count matters only to what counts orders."""
    counts = scenario.anchor_kind == "nth_purchase" or any(frame.type in OF_ORDERS for _, frame in frames(scenario))
    if "count_excludes_status" in scenario.model_fields_set and not counts:
        message = "there is no product, category or order frame and no nth_purchase, so no order is counted"
        yield fault("setting_without_effect", ("count_excludes_status",), message)


def source_against_anchor(scenario: ScenarioDefinition) -> Warnings:
    """A list has a source of its own, whose 0 days are the day of the import (R-106)."""
    if scenario.source is None or (scenario.source == "csv_list") == (scenario.anchor_kind == "list_imported"):
        return
    message = (
        f"people come in by {scenario.anchor_kind}, and the source says {scenario.source}; "
        "csv_list and list_imported belong together. Leave 'source' out: then the anchor decides"
    )
    yield fault("source_against_anchor", ("source",), message, scenario.source)


def first_relations(scenario: ScenarioDefinition) -> Warnings:
    """The first frame has nothing above it to be joined with; only `not` says something there."""
    for place, frame in frames(scenario):
        if place[-1] == 0 and frame.relation in ("and", "or"):
            message = f"no frame stands above it, so '{frame.relation}' joins nothing; leave it out"
            yield fault("setting_without_effect", (*place, "relation"), message, frame.relation)


def filters_that_nothing_passes(scenario: ScenarioDefinition) -> Warnings:
    """Only orders of a subscription are its n-th delivery (R-103d)."""
    if scenario.orders.kind == "one_off" and scenario.orders.continuation_no is not None:
        message = "only orders of a subscription have a continuation_no: no order of kind one_off passes"
        yield fault("nobody_fits", ("orders", "continuation_no"), message, scenario.orders.continuation_no)


def days_that_the_anchor_order_begins_anew(scenario: ScenarioDefinition) -> Warnings:
    """An order's target is asked at that order's instant, when the last order is that order: 0 days ago."""
    # where an order that was cancelled is an anchor too, and that at an unknown time, it never was the last
    if not scenario.anchors_on_orders or "cancelled" not in scenario.excluded_order_statuses:
        return
    relations = [frame.relation for frame in scenario.target.frames]
    for index, frame in enumerate(scenario.target.frames):
        if frame.type != "member" or (days := frame.member.last_ordered_days_ago) is None or not days.first:
            continue
        # nothing stands above the first, so that its 'or' joins nothing
        is_joined = relations[index] == "and" or (index == 0 and relations[index] != "not")
        # after an 'or' further down the target may hold without it
        if is_joined and "or" not in relations[index + 1 :]:
            message = (
                f"nobody can fit: for an anchor that is an order ({scenario.anchor_kind}) the target is asked when the "
                "order is placed, and the last order is that one, 0 days ago; to meet people who stopped buying, "
                "anchor on what is no order, like {entered: SEGMENT}"
            )
            place = ("target", "frames", index, "member", "last_ordered_days_ago", "from")
            yield fault("nobody_fits", place, message, days.first)


def steps_out_of_order(scenario: ScenarioDefinition) -> Warnings:
    """Counted from the anchor, a step due before the one above it is late as soon as it is planned."""
    if scenario.offset_basis != "anchor":
        return
    days = [scenario.due_after_days(step) for step in scenario.steps]
    for index in range(1, len(days)):
        here, above = days[index], days[index - 1]
        if here < above:
            message = (
                f"step {index + 1} is due {here} days after the anchor, before step {index} ({above} days): "
                "it will be past its date when it is planned"
            )
            yield fault("step_before_previous", ("steps", index, "offset_days"), message, here)


def codes_twice(scenario: ScenarioDefinition) -> Warnings:
    """The same code twice in one list: once was probably meant to be another."""
    for place, codes in lists(scenario):
        # true is no 1 here
        for (_, code), times in Counter((type(code), code) for code in codes).items():
            if times > 1:
                yield fault("code_repeated", place, f"{code} stands here {times} times", code)


def lists(scenario: ScenarioDefinition) -> Iterator[tuple[Location, tuple[Any, ...]]]:
    """Yield every list of codes in a definition, with its place."""
    yield ("excluded_order_statuses",), scenario.excluded_order_statuses
    yield ("count_excludes_status",), scenario.count_excludes_status
    yield from _lists_of(scenario.orders, ("orders",))
    if isinstance(scenario.anchor, AnchorChoice):
        kind = scenario.anchor_kind
        yield from _lists_of(getattr(scenario.anchor, kind), ("anchor", kind))
    for place, frame in frames(scenario):
        yield from _lists_of(frame, place)
        if frame.type == "member":
            yield from _lists_of(frame.member, (*place, "member"))
            for name, match in (frame.member.custom or {}).items():
                yield from _lists_of(match, (*place, "member", "custom", name))


def _lists_of(part: object, place: Location) -> Iterator[tuple[Location, tuple[Any, ...]]]:
    if isinstance(part, Part):
        for name, field in type(part).model_fields.items():
            value = getattr(part, name)
            if isinstance(value, tuple):
                yield (*place, field.alias or name), value

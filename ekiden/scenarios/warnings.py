"""What is allowed and probably not meant. A warning never keeps a scenario from running.

Belongs here: warnings about one definition. Does not belong here: faults (`rules`).
"""

from collections import Counter
from collections.abc import Iterator
from datetime import time

from ekiden.scenarios.faults import DefinitionFault, fault
from ekiden.scenarios.rules import LISTS, frames
from ekiden.scenarios.scenario import ScenarioDefinition

Warnings = Iterator[DefinitionFault]


def all_warnings(scenario: ScenarioDefinition, batch_time: time | None) -> Warnings:
    """Yield everything a writer may want to look at again; `batch_time` is the local time of the daily planning."""
    if batch_time is not None:
        yield from sent_at_the_batch(scenario, batch_time)
    yield from settings_without_effect(scenario)
    yield from steps_out_of_order(scenario)
    yield from codes_twice(scenario)


def sent_at_the_batch(scenario: ScenarioDefinition, batch_time: time) -> Warnings:
    """A step earlier than the daily planning goes out when that runs (R-108, C-11)."""
    for index, step in enumerate(scenario.steps):
        if step.send_time < batch_time:
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
    if scenario.source == "csv_list" and scenario.zero_day == "next_day":
        message = "for a list, 0 days are always the day of its import (R-106)"
        yield fault(rule, ("zero_day",), message)
    if not scenario.anchors_on_orders:
        for name in ("recheck_order_status", "excluded_order_statuses"):
            if getattr(scenario, name) != ScenarioDefinition.model_fields[name].default:
                message = f"it is about the anchor order, and {scenario.anchor_kind} is no order"
                yield fault(rule, (name,), message)


def steps_out_of_order(scenario: ScenarioDefinition) -> Warnings:
    """Counted from the anchor, a step due before the one above it is late as soon as it is planned."""
    if scenario.offset_basis != "anchor":
        return
    for index in range(1, len(scenario.steps)):
        here, above = scenario.steps[index].offset_days, scenario.steps[index - 1].offset_days
        if here < above:
            message = (
                f"step {index + 1} is due {here} days after the anchor, before step {index} ({above} days): "
                "it will be past its date when it is planned"
            )
            yield fault("step_before_previous", ("steps", index, "offset_days"), message, here)


def codes_twice(scenario: ScenarioDefinition) -> Warnings:
    """The same code twice in one list: once was probably meant to be another."""
    for place, frame in frames(scenario):
        for name in LISTS:
            codes = getattr(frame, name, None) or ()
            for code, times in Counter(codes).items():
                if times > 1:
                    yield fault("code_repeated", (*place, name), f"{code} stands here {times} times", code)

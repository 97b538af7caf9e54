"""Scenarios as tests write them in a few words, and what is found in them."""

from collections.abc import Set
from typing import Any

from ekiden.scenarios.definition import OPTIONS, Checked, check

STEP = {"offset_days": 3, "content": "sample/step_1"}
PRODUCT = {"type": "product", "codes": ["A"]}


def checked(options: Set[str] = OPTIONS, **changes: Any) -> Checked:
    least = {"code": "c", "name": "n", "status": "enabled", "anchor": "ordered", "steps": [STEP]}
    return check(least | changes, options=options)


def faults(**changes: Any) -> set[tuple[str, str]]:
    return {(fault.rule, fault.place) for fault in checked(**changes).faults}


def message(**changes: Any) -> str:
    (fault,) = checked(**changes).faults
    return fault.message


def frame(kind: str, **more: Any) -> dict[str, Any]:
    return {"frames": [{"type": kind, **more}]}


def member(**conditions: Any) -> dict[str, Any]:
    return frame("member", member=conditions)

"""Values of Ekiden's own language out of a script's text: pure functions.

Belongs here: which keys hold numbers, flags or lists; a script's plain values are all text. Does not belong here: the
shorthand's own keys (`shorthand`), and any rule of the language, which `ekiden.scenarios.definition` checks.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

WHOLE_KEYS = {"n", "within_days", "continuation_no", "days_before", "days_after", "birth_month", "look_back_days"}
FLAG_KEYS = {"recheck_order_status", "multi_delivery", "reevaluate_on_update", "consent_recheck", "use_1", "use_2"}
# ranges of numbers; every other range is of dates
NUMBER_RANGES = {"age", "last_ordered_days_ago", "last_login_days_ago"}
LIST_KEYS = {"codes", "products", "categories", "reasons", "other_than", "rank", "tag"}
# a custom field's value is what YAML says it is
CUSTOM = "custom"


def typed(value: Any, key: str = "", parent: str = "") -> Any:
    """Return what stands under `key` with its numbers, flags and lists as such, all else as it is written."""
    if isinstance(value, Mapping):
        inside = CUSTOM if CUSTOM in (key, parent) else key
        return {name: _in_list(name, typed(item, name, inside), inside) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [typed(item, key, parent) for item in value]
    if parent == CUSTOM:
        return yaml.safe_load(value) if isinstance(value, str) and value else value
    if key in WHOLE_KEYS or (parent in NUMBER_RANGES and key in ("from", "to")):
        return int(value) if isinstance(value, str) and value.lstrip("+-").isdigit() else value
    if key in FLAG_KEYS:
        return {"true": True, "false": False}.get(str(value).lower(), value)
    return value


def is_true(value: object) -> bool:
    """Return whether a script says yes."""
    return str(value).lower() in ("true", "yes")


def is_false(value: object) -> bool:
    """Return whether a script says no."""
    return str(value).lower() in ("false", "no")


def listed(value: object) -> list[Any]:
    """Return one value or many as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]


def _in_list(key: str, value: Any, parent: str) -> Any:
    return [value] if key in LIST_KEYS and parent != CUSTOM and isinstance(value, str) else value

"""V1: the table of right and wrong definitions in validation.yaml, through the door that every one goes through."""

from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from ekiden.scenarios.definition import check
from ekiden.scenarios.registry import duplicate_codes

TABLE = yaml.safe_load((Path(__file__).parent / "validation.yaml").read_text(encoding="utf-8"))


def cases() -> Iterator[Any]:
    for number, rows in TABLE["cases"].items():
        for place, row in enumerate(rows, start=1):
            yield pytest.param(row, id=f"{number}.{place} {row.get('rule') or row.get('warning') or 'right'}")


def written_out(value: Any) -> Any:
    """Return a value of the table with its long lists written out."""
    if isinstance(value, list):
        return [written_out(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"numbered"}:
        return [f"code-{number}" for number in range(value["numbered"])]
    if set(value) == {"times", "of"}:
        return [written_out(value["of"])] * value["times"]
    return {key: written_out(item) for key, item in value.items()}


@pytest.mark.parametrize("row", cases())
def test_a_definition_is_right_or_its_fault_is_named(row: dict[str, Any]) -> None:
    definition = TABLE["least"] | written_out(row["say"])
    batch_time = time.fromisoformat(TABLE["batch_time"])
    found = check(definition, options=frozenset(row.get("options", ())), batch_time=batch_time)
    assert [fault.rule for fault in found.faults] == ([row["rule"]] if "rule" in row else [])
    assert [warning.rule for warning in found.warnings] == ([row["warning"]] if "warning" in row else [])


def test_two_scenarios_may_share_a_name_but_no_code() -> None:
    assert duplicate_codes({"first": "offer", "second": "offer"}, {}) == {"second": "first"}
    assert duplicate_codes({"first": "offer", "second": "other"}, {}) == {}

"""Whom a failed build blames, by what dbt leaves behind."""

import json
from pathlib import Path

import pytest

from ekiden.warehouse.unbuilt import MANIFEST, RESULTS, Unbuilt, UnbuiltModel, unbuilt_scenarios

NODES = {
    "codes": ("seed", "seeds/codes.csv", []),
    "customers": ("model", "models/marts/customers.sql", ["codes"]),
    "recent": ("model", "models/segments/recent.sql", ["customers"]),
    "a": ("model", "models/eligibility/a.sql", ["recent"]),
    "b": ("model", "models/eligibility/shop/b.sql", ["customers"]),
    "a_is_unique": ("test", "models/eligibility/a.yml", ["a", "customers"]),
    "customers_is_unique": ("test", "models/marts/customers.yml", ["customers"]),
    "sold": ("model", "models/marts/sold.sql", ["customers"]),
    "sold_too": ("model", "models/reports/sold_too.sql", ["sold"]),
    "regulars": ("model", "models/marts/regulars.sql", ["customers"]),
    "c": ("model", "models/eligibility/c.sql", ["regulars"]),
    "sold_is_unique": ("test", "models/marts/sold.yml", ["sold"]),
    "both": ("test", "tests/both.sql", ["a", "b"]),
    "marts_and_a": ("test", "tests/marts_and_a.sql", ["a", "customers"]),
}
ATTACHED = {"a_is_unique": "a", "customers_is_unique": "customers", "sold_is_unique": "sold"}
STOPS_PLANNING = {"customers"}
SCENARIOS = {"a", "b", "c"}


def blamed(target: Path, **statuses: str) -> dict[str, str] | None:
    """Return whom a build that ended so blames, with its words; what is not named was a success."""
    results = [
        {"unique_id": name, "status": statuses.get(name, "success"), "message": f"{name} says\n  no"} for name in NODES
    ]
    results += [
        {"unique_id": name, "status": status, "message": "?"} for name, status in statuses.items() if name not in NODES
    ]
    manifest = {
        name: {
            "unique_id": name,
            "name": name,
            "resource_type": kind,
            "original_file_path": file,
            "depends_on": {"macros": []} if kind == "seed" else {"nodes": behind},
            "attached_node": ATTACHED.get(name),
            "schema": "eligibility",
            "alias": name,
            "config": {"meta": {"scenario": {"code": name.upper()}, "stops_planning": name in STOPS_PLANNING}},
        }
        for name, (kind, file, behind) in NODES.items()
    }
    (target / RESULTS).write_text(json.dumps({"results": results}))
    (target / MANIFEST).write_text(json.dumps({"nodes": manifest}))
    found = unbuilt_scenarios(target)
    if found is None:
        return None
    assert found.others == len(SCENARIOS) - len(found.scenarios)
    assert {model.name for model in found.models} <= NODES.keys() - SCENARIOS
    assert all(scenario.code == scenario.model_name.upper() for scenario in found.scenarios)
    return {scenario.model_name: scenario.reason for scenario in found.scenarios}


@pytest.mark.parametrize(
    ("statuses", "whom"),
    [
        ({"a": "error"}, {"a": "a says no"}),
        ({"a": "error", "b": "error"}, {"a": "a says no", "b": "b says no"}),
        ({"recent": "error", "a": "skipped"}, {"a": "what it reads, recent, was not built: recent says no"}),
        ({"a": "error", "b": "skipped"}, {"a": "a says no", "b": "dbt skipped it"}),
        ({"a_is_unique": "fail"}, {"a": "its test a_is_unique failed: a_is_unique says no"}),
        ({"a_is_unique": "error"}, {"a": "its test a_is_unique failed: a_is_unique says no"}),
        ({"regulars": "error", "c": "skipped"}, {"c": "what it reads, regulars, was not built: regulars says no"}),
        ({"both": "fail"}, dict.fromkeys("ab", "its test both failed: both says no")),
    ],
)
def test_a_failure_of_a_scenario_a_segment_or_a_test_is_blamed_on_the_scenarios(tmp_path, statuses, whom):
    assert blamed(tmp_path, **statuses) == {name: f"could not be built: {reason}" for name, reason in whom.items()}


@pytest.mark.parametrize(
    "statuses",
    [
        {"customers": "error", "a": "skipped", "b": "skipped"},
        {"customers_is_unique": "fail", "a": "skipped"},
        {"marts_and_a": "fail"},
        {"a": "error", "customers_is_unique": "fail"},
        {"sold": "error", "customers_is_unique": "fail"},
        {"operation.ekiden.ekiden-on-run-end-0": "error"},
        {"a_is_unique": "warn"},
    ],
)
def test_what_fails_elsewhere_is_blamed_on_nobody(tmp_path, statuses):
    assert blamed(tmp_path, **statuses) is None


def test_a_build_that_ended_before_its_results_blames_nobody(tmp_path):
    assert unbuilt_scenarios(tmp_path) is None
    (tmp_path / RESULTS).write_text('{"results": [')
    assert unbuilt_scenarios(tmp_path) is None


@pytest.mark.parametrize(
    ("statuses", "model"),
    [
        ({"recent": "error"}, UnbuiltModel("recent", "recent says no")),
        ({"sold": "error", "sold_too": "skipped"}, UnbuiltModel("sold", "sold says no")),
        (
            {"sold_is_unique": "fail", "sold_too": "skipped"},
            UnbuiltModel("sold", "its test sold_is_unique failed: sold_is_unique says no"),
        ),
    ],
)
def test_a_model_that_no_scenario_reads_fails_alone(tmp_path, statuses, model):
    assert blamed(tmp_path, **statuses) == {}
    assert unbuilt_scenarios(tmp_path) == Unbuilt((), (model,), others=len(SCENARIOS))

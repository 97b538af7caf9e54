"""The runner itself, on plain values: what it refuses, how it translates and what it says of a difference."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiden.scenarios.definition import check
from tests.acceptance.cast import cast
from tests.acceptance.expectations import ActualRow, compare_rows
from tests.acceptance.facts import address_of, visible
from tests.acceptance.reading import ScriptFault, parse
from tests.acceptance.script import ExpectedRow, Script
from tests.acceptance.shorthand import Frame, Scenario, Stop, Target
from tests.acceptance.translate import definition, stop, target

NOON = datetime(2025, 3, 2, 3, 0, tzinfo=UTC)


def script(**changes: Any) -> Script:
    least = {
        "id": "T01",
        "scenarios": [{"code": "thanks", "target": {"products": ["tea"]}, "steps": [{"offset": "1"}]}],
        "customers": [{"id": "hana"}],
        "timeline": [{"at": "2025-03-02 06:00", "do": "run", "date": "2025-03-02"}],
    }
    return parse(Script, least | changes)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"colour": "red"}, "unknown key 'colour' in the script"),
        (
            {"scenarios": [{"code": "s", "stop": {"rank": "gold"}, "steps": []}]},
            "unknown key 'rank' in scenarios[0].stop",
        ),
        ({"customers": [{"id": "hana", "rank": "gold"}]}, "unknown key 'rank' in customers[0]"),
        ({"timeline": [{"at": "2025-03-02", "do": "dance"}]}, "unknown operation 'dance'"),
        (
            {"timeline": [{"at": "2025-03-02", "do": "dispatch", "speed": "3"}]},
            "unknown key 'speed' in timeline[0]",
        ),
        (
            {"events": [{"at": "2025-03-02", "type": "newsletter", "customer": "hana", "product": "tea"}]},
            "unknown key 'product' in an event of type 'newsletter'",
        ),
    ],
)
def test_a_key_or_operation_nobody_knows_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ScriptFault) as raised:
        script(**changes)
    assert named in str(raised.value)


def test_a_setting_that_ekiden_lacks_is_a_fault_of_the_script() -> None:
    steps = [{"offset": "1", "auto": "latest_open"}]
    with pytest.raises(ScriptFault, match="auto_send_time"):
        cast(script(scenarios=[{"code": "s", "steps": steps}]))


def test_a_scenario_of_defaults_leaves_ekidens_defaults_alone() -> None:
    scenario = parse(Scenario, {"code": "s", "steps": [{"offset": "3"}]})
    assert set(definition(scenario)) == {"code", "name", "status", "anchor", "steps"}


def test_short_forms_of_a_target_must_all_hold_and_those_of_a_stop_are_alternatives() -> None:
    assert target(Target(products=("tea",), frames=(Frame(type="order"),)))["frames"][1]["relation"] == "and"
    frames = stop(Stop(products=("cup",), categories=("pots",), events=("purchase",)))["frames"]
    assert [frame.get("relation") for frame in frames] == [None, "or", "or"]


@given(
    products=st.lists(st.text(min_size=1, max_size=5), max_size=10),
    categories=st.lists(st.text(min_size=1, max_size=5), max_size=5),
    offset=st.integers(0, 1000),
    status=st.sampled_from(["draft", "enabled", "disabled"]),
)
def test_whatever_the_shorthand_can_say_ekiden_accepts(
    products: list[str], categories: list[str], offset: int, status: str
) -> None:
    shorthand = {
        "code": "s",
        "status": status,
        "target": {"products": products, "exclude_categories": categories},
        "steps": [{"offset": offset}],
    }
    _, faults = check(definition(parse(Scenario, shorthand)))
    assert not faults


def test_each_edit_of_a_scenario_makes_another_version_of_the_same_model() -> None:
    timeline = [
        {"at": "2025-03-01", "do": "enable", "scenario": "thanks"},
        {"at": "2025-03-02", "do": "edit_scenario", "scenario": "thanks", "change": {"code": "merci"}},
        {"at": "2025-03-03", "do": "force_stop", "scenario": "merci", "step": "1"},
    ]
    versions = cast(script(timeline=timeline)).versions()
    assert [version.build_name for version in versions] == [f"t01__1__{number}" for number in (1, 2, 3, 4)]
    assert {version.model_name for version in versions} == {"t01__1"}
    assert versions[-1].definition["code"] == "merci"
    assert versions[-1].definition["steps"][0]["state"] == "force_stopped"


def test_a_fact_is_visible_from_its_instant_on_or_from_when_it_was_recorded() -> None:
    orders = [
        {"id": "now", "customer": "hana", "at": "2025-03-02 12:00", "lines": ["tea"]},
        {
            "id": "late",
            "customer": "hana",
            "at": "2025-03-01",
            "recorded": "2025-03-02 12:01",
            "lines": ["tea"],
        },
    ]
    facts = visible(script(orders=orders), NOON)
    assert [order["order_id"] for order in facts["orders"]] == ["now"]


def test_a_product_written_three_times_is_one_line_of_three() -> None:
    orders = [{"id": "o", "customer": "hana", "at": "2025-03-01", "lines": ["tea", "cup", "tea", "tea"]}]
    lines = visible(script(orders=orders), NOON)["order_lines"]
    assert [(line["line_no"], line["product_id"], line["quantity"]) for line in lines] == [
        (1, "tea", 3),
        (2, "cup", 1),
    ]


def test_a_subscription_runs_from_its_first_order_until_it_is_cancelled() -> None:
    box = {"customer": "hana", "lines": ["box"], "kind": "subscription"}
    orders = [
        {"id": "o-1", "at": "2025-01-01", **box},
        {"id": "o-2", "at": "2025-02-01", **box},
        {"id": "o-3", "at": "2025-03-01", **box},
    ]
    cancelled = {"at": "2025-02-10", "type": "subscription_cancelled", "customer": "hana", "product": "box"}
    first, second = visible(script(orders=orders, events=[cancelled]), NOON)["subscriptions"]
    assert first["started_at"] < first["cancelled_at"] < second["started_at"]
    assert second["cancelled_at"] is None


def test_an_identifier_that_fits_no_address_still_gives_one() -> None:
    assert address_of("C1") == "c1@customers.invalid"
    assert address_of("花子") == "e88ab1e5ad90@customers.invalid"


def test_the_first_row_that_differs_is_named() -> None:
    expected = [row("hana", "sent", "2025-03-02 12:00"), row("ken", "ready", "2025-03-02 12:00")]
    actual = [found("ken", "held", "-", "past_due"), found("hana", "sent", NOON, None)]
    told = compare_rows(expected, actual)
    assert told is not None
    assert told.splitlines()[0] == (
        "rows: expected [thanks, ken, 1, 2025-03-02, ready, 2025-03-02 12:00], "
        "found [thanks, ken, 1, 2025-03-02, held, -, past_due]"
    )


def test_a_missing_row_and_a_row_too_many_both_differ() -> None:
    assert "found nothing" in (compare_rows([row("hana", "held", "-")], []) or "")
    assert "expected nothing" in (compare_rows([], [found("hana", "held", "-", None)]) or "")


def test_a_reason_counts_only_where_the_script_gives_one() -> None:
    actual = [found("hana", "held", "-", "past_due")]
    assert compare_rows([row("hana", "held", "-")], actual) is None
    assert compare_rows([row("hana", "held", "-", "past_due")], actual) is None
    assert compare_rows([row("hana", "held", "-", "missed_send")], actual) is not None


def row(customer: str, *values: str) -> ExpectedRow:
    return parse(ExpectedRow, ["thanks", customer, "1", "2025-03-02", *values])


def found(customer: str, status: str, time: Any, reason: str | None) -> ActualRow:
    return ActualRow("thanks", customer, 1, date(2025, 3, 2), status, time, reason)

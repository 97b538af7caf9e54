"""The runner itself, on plain values: what it refuses, how it translates and what it says of a difference."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiden.scenarios.definition import check
from tests.acceptance.cast import cast, edited
from tests.acceptance.conditions import exclusion, stop, target
from tests.acceptance.expectations import ActualRow, compare_rows
from tests.acceptance.facts import address_of, visible
from tests.acceptance.reading import ScriptFault, parse
from tests.acceptance.script import ExpectedRow, Script
from tests.acceptance.shorthand import Conditions, Scenario, Target
from tests.acceptance.translate import definition

NOON = datetime(2025, 3, 2, 3, 0, tzinfo=UTC)
# whatever a database can keep
CODES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=5).filter(
    str.strip
)


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
            {"scenarios": [{"code": "s", "stop": {"mood": "grim"}, "steps": []}]},
            "unknown key 'mood' in scenarios[0].stop",
        ),
        ({"customers": [{"id": "hana", "mood": "grim"}]}, "unknown key 'mood' in customers[0]"),
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
    steps = [{"offset": "1", "auto": "next_full_moon"}]
    with pytest.raises(ScriptFault, match="auto_send_time"):
        cast(script(scenarios=[{"code": "s", "steps": steps}]))


def test_a_scenario_of_defaults_leaves_ekidens_defaults_alone() -> None:
    scenario = parse(Scenario, {"code": "s", "steps": [{"offset": "3"}]})
    assert set(definition(scenario)) == {"code", "name", "status", "anchor", "steps"}


def test_short_forms_of_a_target_must_all_hold_and_those_of_a_stop_are_alternatives() -> None:
    assert target(Target(products=("tea",), frames=({"type": "order"},)))["frames"][1]["relation"] == "and"
    frames = stop(Conditions(products=("cup",), categories=("pots",), events=("purchase",)))["frames"]
    assert [frame.get("relation") for frame in frames] == [None, "or", "or"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"products": "tea"}, [{"type": "product", "codes": ["tea"]}]),
        ({"newsletter": "none"}, [{"type": "member", "member": {"newsletter": "none"}}]),
        ({"rank": "gold", "gender": "female"}, [{"type": "member", "member": {"gender": "female", "rank": ["gold"]}}]),
        ({"birth_month": "5"}, [{"type": "member", "member": {"birth_month": [5]}}]),
        (
            {"age": ["30-39", "40-49"], "products": ["tea"]},
            [
                {"type": "member", "member": {"age": {"from": 30, "to": 39}}},
                {"type": "member", "member": {"age": {"from": 40, "to": 49}}, "relation": "or"},
                {"type": "product", "codes": ["tea"], "relation": "and"},
            ],
        ),
        ({"last_ordered_days_ago": "30"}, [{"type": "member", "member": {"last_ordered_days_ago": {"from": 30}}}]),
        ({"birthday": "true"}, [{"type": "member", "member": {"birthday": {}}}]),
        (
            {"custom": {"points": {"from": "100"}}},
            [{"type": "member", "member": {"custom": {"points": {"from": 100}}}}],
        ),
        ({"custom": {"size": "L"}}, [{"type": "member", "member": {"custom": {"size": "L"}}}]),
        (
            {"segments": "women", "lists": ["fair"]},
            [
                {"type": "segment", "codes": ["women"]},
                {"type": "list", "codes": ["fair"], "relation": "and"},
            ],
        ),
        ({"count": {"op": "eq", "n": "1"}}, [{"type": "order", "count": {"op": "eq", "n": 1}}]),
        (
            {"frames": [{"rel": "not", "type": "product", "codes": ["tea"], "within_days": "30"}]},
            [{"relation": "not", "type": "product", "codes": ["tea"], "within_days": 30}],
        ),
        ({"frames": [{"type": "member", "tag": "vip"}]}, [{"type": "member", "member": {"tag": ["vip"]}}]),
        ({"frames": [{"type": "order", "mood": "grim"}]}, [{"type": "order", "mood": "grim"}]),
    ],
)
def test_a_condition_in_short_means_a_frame(written: dict[str, Any], meant: list[dict[str, Any]]) -> None:
    assert target(parse(Target, written)).get("frames") == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"rank": "gold", "tag": "vip"}, [
            {"type": "member", "member": {"rank": ["gold"]}},
            {"type": "member", "member": {"tag": ["vip"]}, "relation": "or"},
        ]),
        ({"other_products": ["tea"]}, [{"type": "product", "other_than": ["tea"]}]),
        ({"order": "true"}, [{"type": "order"}]),
        ({"scenario": "true"}, [{"type": "scenario"}]),
        ({"scenarios": ["thanks"]}, [{"type": "scenario", "codes": ["thanks"]}]),
        ({"subscription_cancelled": "true"}, [{"type": "subscription_cancelled"}]),
        (
            {"subscription_cancelled": {"product": "box", "reason": "price"}},
            [{"type": "subscription_cancelled", "codes": ["box"], "reasons": ["price"]}],
        ),
    ],
)  # fmt: skip
def test_what_stops_is_any_of_what_is_written(written: dict[str, Any], meant: list[dict[str, Any]]) -> None:
    assert stop(parse(Conditions, written))["frames"] == meant


def test_what_excludes_may_stand_with_the_target_or_by_itself() -> None:
    target_ = parse(Target, {"exclude_categories": ["pots"], "exclude_tags": ["staff"]})
    frames = exclusion(target_, parse(Conditions, {"gender": "male"}))["frames"]
    assert [frame["type"] for frame in frames] == ["category", "member", "member"]
    assert [frame.get("relation") for frame in frames] == [None, "or", "or"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({}, None),
        ({"anchor": "event", "event": "viewed"}, "purchase_count"),
        ({"anchor": {"entered": "lapsed"}}, "purchase_count"),
        ({"anchor": "list_imported", "source": "csv_list"}, "csv_list"),
    ],
)
def test_a_script_without_a_source_means_purchase_count_whatever_the_anchor(
    written: dict[str, Any], meant: str | None
) -> None:
    least = {"code": "s", "steps": [{"offset": "1"}]}
    assert definition(parse(Scenario, least | written)).get("source") == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"anchor": "subscription_cancelled"}, "subscription_cancelled"),
        (
            {"anchor": "subscription_cancelled", "product": "box", "reasons": ["price"]},
            {"subscription_cancelled": {"products": ["box"], "reasons": ["price"]}},
        ),
        ({"anchor": "nth_purchase", "n": "2", "product": "tea"}, {"nth_purchase": {"n": 2, "products": ["tea"]}}),
        ({"anchor": {"nth_purchase": {"n": "2", "products": "tea"}}}, {"nth_purchase": {"n": 2, "products": ["tea"]}}),
        ({"anchor": "tag_granted", "tag": "vip"}, {"tag_granted": "vip"}),
        ({"anchor": "list_imported"}, {"list_imported": "s"}),
        ({"anchor": "list_imported", "list": "fair"}, {"list_imported": "fair"}),
    ],
)
def test_an_anchor_in_short_says_what_it_is_about(written: dict[str, Any], meant: Any) -> None:
    assert definition(parse(Scenario, {"code": "s", "steps": [{"offset": "1"}]} | written))["anchor"] == meant


def test_an_edit_may_use_another_word_for_a_key() -> None:
    given = parse(Scenario, {"code": "s", "exclusion": {"products": ["tea"]}, "steps": [{"offset": "1"}]})
    edit = {"at": "2025-03-02", "do": "edit", "scenario": "s", "change": {"exclude": {"products": ["cup"]}}}
    (operation,) = script(timeline=[edit]).timeline
    assert edited(given, operation).exclusion.products == ("cup",)


def test_what_a_shop_has_not_is_a_fault_of_the_scenario() -> None:
    tagged = {"code": "s", "anchor": "tag_granted", "tag": "vip", "steps": [{"offset": "1"}]}
    cast(script(scenarios=[tagged]))
    with pytest.raises(ScriptFault, match="option_not_enabled"):
        cast(script(scenarios=[tagged], options=["member_rank"]))


@given(
    products=st.lists(CODES, max_size=10),
    categories=st.lists(CODES, max_size=5),
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
    faults = check(definition(parse(Scenario, shorthand))).faults
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


def test_a_tag_granted_again_keeps_its_first_date() -> None:
    granted = {"type": "tag_granted", "customer": "hana", "tag": "vip"}
    events = [granted | {"at": "2025-01-05"}, granted | {"at": "2025-02-05", "by": "batch"}]
    (tag,) = visible(script(events=events), NOON)["customer_tags"]
    assert tag["granted_at"] == datetime(2025, 1, 4, 15, tzinfo=UTC)


def test_memberships_come_from_names_and_events() -> None:
    events = [
        {"at": "2025-01-05", "type": "segment_entered", "customer": "hana", "segment": "women"},
        {"at": "2025-02-05", "type": "segment_left", "customer": "hana", "segment": "women"},
        {"at": "2025-03-05", "type": "segment_entered", "customer": "hana", "segment": "women"},
    ]
    given = script(events=events, segments={"regulars": ["hana"]})
    found = {row["segment"]: row["valid"] for row in visible(given, NOON)["segment_members"]}
    assert [str(found[name]) for name in ("regulars", "women")] == [
        "{(None, None)}",
        "{[2025-01-04 15:00:00+00:00, 2025-02-04 15:00:00+00:00)}",
    ]


def test_a_changed_field_has_its_history() -> None:
    events = [
        {"at": "2025-02-01", "type": "rank", "customer": "hana", "rank": "gold"},
        {"at": "2025-02-02", "type": "customer_changed", "customer": "hana", "change": {"newsletter": "none"}},
    ]
    facts = visible(script(events=events), NOON)
    assert facts["customers"][0]["member_rank"] == "gold"
    assert [(row["field"], row["value"]) for row in facts["customer_history"]] == [
        ("newsletter_status", "both"), ("newsletter_status", "none"), ("member_rank", None), ("member_rank", "gold"),
    ]  # fmt: skip


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

"""What a fault says beyond the table V1: dates that never come, keys in the wrong frame, guesses."""

from datetime import date

import pytest

from ekiden.scenarios.definition import OPTIONS
from tests.unit.scenarios.checking import PRODUCT, STEP, checked, faults, frame, member, message

NO_ORDER = {"anchor": "member_registered"}


@pytest.mark.parametrize(
    ("changes", "rule", "place"),
    [
        ({"start": "2026-02-30"}, "no_such_date", "start"),
        ({"start": "tomorrow"}, "not_a_date", "start"),
        ({"start": 20260101}, "not_a_date", "start"),
        ({"period": {"from": "2026-02-01", "to": "2026-01-31"}}, "period_reversed", "period"),
        ({"period": {}}, "range_empty", "period"),
        ({"period": {"to": "2026-03-03"}, "start": "2026-03-01"}, "never_due", "period.to"),
        ({"period": {"to": "2026-03-03"}, "orders": {"period": {"from": "2026-03-01"}}}, "never_due", "period.to"),
        ({"period": {"from": "2026-03-05"}, "orders": {"period": {"to": "2026-03-01"}}}, "never_due", "period.from"),
        ({"start": "2026-03-02", "orders": {"period": {"to": "2026-03-01"}}}, "never_due", "start"),
        ({"target": member(age={"from": 40, "to": 39})}, "period_reversed", "target.frames[0].member.age"),
        (
            {"target": member(last_ordered_days_ago={"from": 60, "to": 30})},
            "period_reversed",
            "target.frames[0].member.last_ordered_days_ago",
        ),
        (
            {"target": member(first_ordered_on={"from": "2026-02-01"}, last_ordered_on={"to": "2026-01-01"})},
            "never_holds",
            "target.frames[0].member.last_ordered_on",
        ),
        (
            {"target": member(birth_month=2, birth_date={"from": "2000-03-01", "to": "2000-04-01"})},
            "never_holds",
            "target.frames[0].member.birth_month",
        ),
        ({"send_window": {"from": "10:00", "to": "09:00"}}, "period_reversed", "send_window"),
        ({"steps": [STEP | {"send_time": "24:00"}]}, "no_such_time", "steps[0].send_time"),
    ],
)
def test_a_date_that_never_comes_is_a_fault_at_its_place(changes, rule, place):
    assert faults(**changes) == {(rule, place)}


@pytest.mark.parametrize(
    "changes",
    [
        {"period": {"to": "2026-03-04"}, "start": "2026-03-01"},
        {"period": {"from": "2026-03-04"}, "orders": {"period": {"to": "2026-03-01"}}},
        # an order of the period may be paid for much later
        {"anchor": "paid", "period": {"from": "2026-03-05"}, "orders": {"period": {"to": "2026-03-01"}}},
        {"steps": [STEP | {"offset_days": 0}], "start": "2026-03-01", "period": {"to": "2026-03-02"}},
        {"zero_day": "same_day", "steps": [STEP | {"offset_days": 0}], "start": "2026-03-01"}
        | {"period": {"to": "2026-03-01"}},
    ],
)
def test_a_date_that_comes_just_once_is_enough(changes):
    assert faults(**changes) == set()


@pytest.mark.parametrize(
    ("kind", "key", "owners"),
    [
        ("product", "reasons", "subscription_cancelled"),
        ("product", "member", "member"),
        ("list", "within_days", "product, category, order, event, subscription_cancelled, scenario"),
        ("category", "other_than", "product"),
        ("member", "codes", "product, category, event, subscription_cancelled, scenario, segment, list"),
    ],
)
def test_a_key_of_another_frame_is_told_where_it_belongs(kind, key, owners):
    section = frame(kind, **{"codes": ["A"], "member": {"gender": "male"}, key: ["A"]})
    if kind != "member":
        section["frames"][0].pop("member") if key != "member" else None
    else:
        section["frames"][0].pop("codes") if key != "codes" else None
    fault = next(fault for fault in checked(target=section).faults if fault.rule == "key_of_another_frame")
    assert fault.place == f"target.frames[0].{key}"
    assert f"it belongs to {owners} frames" in fault.message


@pytest.mark.parametrize("kind", ["member", "segment", "list", "subscription_cancelled", "scenario"])
def test_only_orders_and_events_are_counted(kind):
    assert ("count_not_allowed", "stop.frames[0].count") in faults(stop=frame(kind, count={"op": "eq", "n": 1}))


@pytest.mark.parametrize(
    ("section", "place"),
    [
        (frame("product"), "codes"),
        (frame("category"), "codes"),
        (frame("event"), "codes"),
        (frame("segment"), "codes"),
        (frame("list"), "codes"),
        (frame("member"), "member"),
    ],
)
def test_a_frame_that_names_nothing_is_a_fault(section, place):
    ((_, found),) = faults(target=section)
    assert found == f"target.frames[0].{place}"


@pytest.mark.parametrize(
    "section", [frame("order"), frame("scenario"), frame("subscription_cancelled"), member(birthday={})]
)
def test_some_frames_mean_something_without_names(section):
    assert faults(stop=section) == set()


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"target": frame("product", codes=["A"], count=None)}, "target.frames[0].count"),
        ({"stop": member(address={"contains": "x", "equals": None})}, "stop.frames[0].member.address.equals"),
        ({"exclusion": member(custom={"a": {"from": None, "to": 3}})}, "exclusion.frames[0].member.custom.a.from"),
        ({"orders": {"period": None}}, "orders.period"),
        ({"steps": [STEP | {"content": None}], "status": "draft"}, "steps[0].content"),
    ],
)
def test_a_condition_that_is_begun_and_not_written_is_a_fault(changes, place):
    assert faults(**changes) == {("empty", place)}


@pytest.mark.parametrize(
    ("frame_says", "rule", "place"),
    [
        ({"other_than": [f"P{n}" for n in range(11)]}, "too_many_products", "other_than"),
        ({"other_than": []}, "empty", "other_than"),
        ({"other_than": None}, "empty", "other_than"),
        ({"other_than": [123]}, "not_quoted", "other_than[0]"),
        ({"codes": None}, "empty", "codes"),
        ({"codes": [123]}, "not_quoted", "codes[0]"),
    ],
)
def test_what_a_product_frame_says_and_is_broken_is_not_missing_as_well(frame_says, rule, place):
    assert faults(stop=frame("product", **frame_says)) == {(rule, f"stop.frames[0].{place}")}


@pytest.mark.parametrize(
    ("changes", "options", "found"),
    [
        ({"anchor": {"tag_granted": "VIP"}}, OPTIONS - {"member_tag"}, "VIP"),
        ({"target": member(rank=["A"])}, OPTIONS - {"member_rank"}, "['A']"),
        ({"stop": frame("subscription_cancelled", reasons=["price"])}, OPTIONS - {"cancel_reason"}, "['price']"),
        ({"steps": [STEP | {"channel": "line"}]}, OPTIONS - {"line"}, "line"),
        (NO_ORDER | {"orders": {"kind": "one_off"}}, OPTIONS, "one_off"),
        (NO_ORDER | {"orders": {"period": {"from": date(2026, 1, 1)}}}, OPTIONS, "{'from': '2026-01-01'}"),
        ({"code": "c" * 101}, OPTIONS, "c" * 59 + "…"),
    ],
)
def test_a_fault_shows_what_stands_there(changes, options, found):
    (fault,) = checked(options, **changes).faults
    assert fault.found == found


def test_null_is_a_value_where_it_has_a_meaning():
    assert faults(period={"from": "2026-01-01", "to": None}, target=member(age={"from": None, "to": 30})) == set()
    assert faults(send_window=None, priority=None, site=None, start=None, look_back_days=None) == set()


def test_since_the_anchor_belongs_to_what_happens():
    happens = {"type": "event", "codes": ["viewed"], "since": "anchor"}
    holds = {"type": "segment", "codes": ["s"], "since": "anchor", "relation": "or"}
    assert faults(stop={"frames": [happens, holds]}) == {("since_not_allowed", "stop.frames[1].since")}
    assert faults(target={"frames": [happens]}) == {("since_not_allowed", "target.frames[0].since")}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"anchor": "orderd"}, "orderd is no anchor, perhaps ordered"),
        ({"anchor": {"entred": "s"}}, "entred is no anchor, perhaps entered"),
        ({"status": "enable"}, "enable is not allowed, perhaps enabled; allowed: draft, enabled, disabled"),
        ({"steps": [STEP | {"channel": "htmlemail"}]}, "perhaps html_email"),
        ({"re_entry": "never"}, "there is no such key, perhaps reentry"),
        ({"target": frame("prodct", codes=["A"])}, "prodct is no frame type, perhaps product"),
        ({"target": member(gendr="male")}, "there is no such key, perhaps gender"),
        ({"target": frame("product", codes=[83])}, "YAML reads this as the number 83; write what is meant in quotes"),
        ({"name": date(2026, 11, 1)}, "YAML reads this as the date 2026-11-01; write what is meant in quotes"),
        ({"target": member(birth_month="08")}, "08 is read as a text; write 8, without quotes"),
        ({"target": member(birth_month="12")}, "12 is read as a text; write 12, without quotes"),
        ({"target": member(birth_month=13)}, "13 is no month; months go from 1 to 12"),
        ({"target": member(birth_month="May")}, "May is no month; months go from 1 to 12"),
        ({"multi_delivery": date(2026, 11, 1)}, "true or false is expected, not 2026-11-01"),
        ({"target": frame("product", codes="A")}, "a list, like [A, B] is expected, not a text"),
        ({"multi_delivery": "no"}, "true or false is expected, not a text"),
        ({"status": True}, "true (as YAML reads yes and on) is not allowed; allowed: draft"),
        ({"site": False}, "a text is expected, not false (as YAML reads no and off)"),
        ({"steps": [STEP | {"offset_days": "3"}]}, "a whole number is expected, not a text"),
        ({"anchor": {"paid": "yes"}}, "paid takes no argument; write 'anchor: paid'"),
        ({"anchor": "nth_purchase"}, "like '{nth_purchase: {n: 2, products: [...]}}'"),
        ({"stop": frame("scenario", codes=["c"])}, "a scenario cannot wait for itself"),
        ({"name": "n" * 201}, "201 characters; there are at most 200"),
        (
            NO_ORDER | {"orders": {"kind": "one_off"}},
            "an order (desired_delivery, nth_purchase, ordered, paid, shipped); member_registered is not",
        ),
    ],
)
def test_a_message_says_what_was_found_and_what_was_probably_meant(changes, said):
    assert said in message(**changes)


def test_a_date_is_found_as_it_is_written():
    (fault,) = checked(name=date(2026, 11, 1)).faults
    assert fault.found == "2026-11-01"


def test_a_broken_setting_does_not_hide_the_rules_between_others():
    found = faults(
        name=3,
        anchor="member_registered",
        orders={"kind": "one_off", "period": {"from": "2026-01-01"}},
        target={"frames": [{"type": "product"}, {"type": "list", "codes": "L"}, 7]},
        steps=[{"offset_days": -1, "send_time": "07:00"}, {"channel": "fax"}],
    )
    assert found == {
        ("not_quoted", "name"),
        ("order_filter_not_allowed", "orders.kind"),
        ("order_period_not_allowed", "orders.period"),
        ("codes_required", "target.frames[0].codes"),
        ("wrong_type", "target.frames[1].codes"),
        ("relation_required", "target.frames[1].relation"),
        ("wrong_type", "target.frames[2]"),
        ("negative_offset", "steps[0].offset_days"),
        ("outside_send_window", "steps[0].send_time"),
        ("content_required", "steps[0].content"),
        ("required", "steps[1].offset_days"),
        ("unknown_value", "steps[1].channel"),
        ("content_required", "steps[1].content"),
    }


@pytest.mark.parametrize(
    ("window", "at", "is_inside"),
    [
        ({"from": "09:00:30"}, "09:00:30", True),
        ({"from": "09:00:30"}, "09:00", True),
        ({"from": "09:00:30"}, "08:59:59", False),
        ({"to": "20:00:30"}, "20:00:59", True),
        ({"to": "20:00"}, "20:01", False),
    ],
)
def test_a_time_is_in_the_send_window_to_the_minute(window, at, is_inside):
    window = {"from": "00:00", "to": "23:59"} | window
    found = faults(send_window=window, steps=[STEP | {"send_time": at}])
    assert found == (set() if is_inside else {("outside_send_window", "steps[0].send_time")})


@pytest.mark.parametrize(
    ("changes", "rule", "place"),
    [
        ({"target": {"and_scope": "order"}}, "unknown_value", "target.and_scope"),
        ({"stop": {"and_scope": None}}, "unknown_value", "stop.and_scope"),
        ({"and_scope": "same_order"}, "unknown_key", "and_scope"),
        ({"count_excludes_status": ["canceled"]}, "unknown_value", "count_excludes_status[0]"),
        ({"count_excludes_status": "cancelled"}, "wrong_type", "count_excludes_status"),
    ],
)
def test_what_counts_in_which_orders_is_said_in_known_words(changes, rule, place):
    assert faults(**changes) == {(rule, place)}


def test_a_key_of_sections_says_where_it_belongs():
    assert "belongs to target, exclusion and stop" in message(and_scope="same_order")
    assert "belongs to target." in message(active_subscriber="exclude")


@pytest.mark.parametrize(
    ("anchor", "source", "enrols_at", "zero_means"),
    [
        ("ordered", "purchase_count", "first_step_due", "next_day"),
        ("member_registered", "purchase_count", "first_step_due", "next_day"),
        ({"nth_purchase": {"n": 2, "products": ["A"]}}, "purchase_count", "first_step_due", "next_day"),
        ({"tag_granted": "vip"}, "purchase_count", "first_step_due", "next_day"),
        ({"list_imported": "spring"}, "csv_list", "first_step_due", "same_day"),
        ({"entered": "lapsed"}, "segment", "anchor", "next_day"),
        ({"event": "viewed"}, "event", "anchor", "next_day"),
        ("subscription_cancelled", "subscription_cancel", "anchor", "next_day"),
        ({"subscription_cancelled": {"products": ["A"]}}, "subscription_cancel", "anchor", "next_day"),
    ],
)
def test_without_a_source_the_anchor_says_how_people_come_in(anchor, source, enrols_at, zero_means):
    result = checked(anchor=anchor)
    assert result.scenario is not None
    assert result.warnings == ()
    assert result.scenario.comes_from == source
    assert (result.scenario.enrols_at, result.scenario.zero_means) == (enrols_at, zero_means)


def test_a_source_that_is_written_decides_whatever_the_anchor():
    scenario = checked(anchor={"entered": "lapsed"}, source="customer_analysis").scenario
    assert scenario is not None
    assert (scenario.enrols_at, scenario.rechecks_consent) == ("first_step_due", False)


@pytest.mark.parametrize("blank", [" ", "\t", "\u3000"])
def test_a_text_of_blanks_says_nothing(blank):
    assert faults(code=blank, name=blank, anchor={"event": blank}) == {
        ("blank_text", "code"),
        ("blank_text", "name"),
        ("blank_text", "anchor.event"),
    }


@pytest.mark.parametrize("end", ["from", "to"])
def test_true_and_false_are_no_ends_of_a_range(end):
    place = f"target.frames[0].member.custom.a.{end}"
    assert faults(target=member(custom={"a": {end: True}})) == {("not_a_value", place)}
    assert faults(target=member(custom={"a": {"equals": True}})) == set()


def test_a_range_of_texts_ends_with_whatever_begins_like_its_end():
    assert faults(target=member(custom={"a": {"from": "2026-01-31 12:00", "to": "2026-01-31"}})) == set()
    assert faults(target=member(custom={"a": {"from": date(2026, 1, 31), "to": "2026-01"}})) == set()
    for first, last in (("2026-02-01 12:00", "2026-01-31"), ("2026-01-31", "2026-01-30 12:00"), ("b", "a")):
        reversed_range = member(custom={"a": {"from": first, "to": last}})
        assert faults(target=reversed_range) == {("period_reversed", "target.frames[0].member.custom.a")}


def test_a_cancelled_subscription_without_a_filter_is_written_as_a_word():
    said = message(anchor={"subscription_cancelled": None})
    assert "'anchor: subscription_cancelled'" in said
    assert "{subscription_cancelled: {products: [...], reasons: [...]}}" in said


def test_every_construct_of_the_language_is_accepted():
    conditions = {
        "address": {"contains": "東京都"},
        "postal_code": {"equals": "100-0001"},
        "gender": "female",
        "newsletter": ["both", "pc"],
        "registered_on": {"from": "2020-01-01"},
        "rank": ["gold"],
        "last_ordered_on": {"to": "2025-12-31"},
        "first_ordered_on": {"from": "2020-01-01", "to": "2025-12-31"},
        "last_ordered_days_ago": {"from": 0, "to": 60},
        "birth_date": {"from": "1980-01-01"},
        "birth_month": [1, 12],
        "age": {"from": 30, "to": 49},
        "birthday": {"days_before": 7},
        "last_login_on": {"from": "2025-01-01"},
        "last_login_days_ago": {"to": 30},
        "tag": ["vip"],
        "custom": {"size": "L", "points": {"from": 100, "to": 999.5}, "colour": {"in": ["red", "blue"]}, "b2b": False},
    }
    frames = [
        {"type": "product", "codes": ["A"], "count": {"op": "gte", "n": 2}, "within_days": 90, "relation": "not"},
        {"type": "product", "other_than": ["A"], "relation": "or"},
        {"type": "category", "codes": ["C"], "count": {"op": "lte", "n": 4}, "relation": "and"},
        {"type": "order", "count": {"op": "eq", "n": 1}, "relation": "and"},
        {"type": "event", "codes": ["viewed"], "products": ["A"], "count": {"op": "gte", "n": 3}, "relation": "and"},
        {"type": "subscription_cancelled", "codes": ["A"], "reasons": ["dear"], "within_days": 7, "relation": "or"},
        {"type": "scenario", "codes": ["other"], "within_days": 3, "relation": "or"},
        {"type": "segment", "codes": ["s", "t"], "relation": "and"},
        {"type": "list", "codes": ["l"], "relation": "not"},
        {"type": "member", "member": conditions, "relation": "and"},
    ]
    result = checked(
        anchor={"nth_purchase": {"n": 2, "products": ["A"]}},
        orders={"kind": "subscription", "continuation_no": 1, "products": ["A"], "categories": ["C"]},
        site="https://shop.example/",
        start="2025-01-01",
        target={"frames": frames, "active_subscriber": "exclude"},
        exclusion={"and_scope": "same_order", "frames": [PRODUCT, *frames[2:]]},
        count_excludes_status=["returned"],
        stop={"frames": [{**frames[4], "since": "anchor", "relation": "not"}, *frames[1:]]},
        recheck_order_status=True,
        excluded_order_statuses=["cancelled", "returned"],
        reentry="after_exit",
        on_retrigger="restart",
        multi_delivery=False,
        priority=1,
        disable_mode="drain",
        reevaluate_on_update=True,
        steps=[STEP | {"auto_send_time": "latest_click", "channel": "dm"}],
    )
    assert result.faults == ()
    assert result.warnings == ()

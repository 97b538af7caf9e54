"""What a script says wrongly is a fault that names its place, on plain values: nothing is ignored."""

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.cast import cast
from tests.acceptance.conftest import Case, refuse_ids_twice, script_paths
from tests.acceptance.facts import visible
from tests.acceptance.names import check_names
from tests.acceptance.reading import ScriptFault, parse
from tests.acceptance.script import Script
from tests.acceptance.spans import opt_outs

ORDER = {"id": "o-1", "customer": "hana", "at": "2025-03-01", "lines": ["tea"]}
RUN = {"at": "2025-03-03 06:00", "do": "run"}


def script(**changes: Any) -> Script:
    least = {
        "id": "T02",
        "scenarios": [{"code": "thanks", "target": {"products": ["tea"]}, "steps": [{"offset": "1"}]}],
        "customers": [{"id": "hana"}],
        "orders": [ORDER],
        "timeline": [RUN],
    }
    return parse(Script, least | changes)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"customers": [{"id": "hana"}, {"id": "hana"}]}, "customer 'hana' is in the script 2 times"),
        ({"orders": [ORDER, ORDER]}, "order 'o-1' is in the script 2 times"),
        (
            {"scenarios": [{"code": "s", "steps": []}, {"code": "s", "steps": []}]},
            "scenario 's' is in the script 2 times",
        ),
        ({"orders": [ORDER | {"customer": "ken"}]}, "a customer 'ken' who is not in the script"),
        ({"subscriptions": [{"customer": "ken"}]}, "a customer 'ken' who is not in the script"),
        (
            {"timeline": [RUN, {"at": "2025-03-04", "do": "set", "scenario": "thanks", "customer": "ken",
                                "status": "held"}]},
            "timeline[1]: there is no customer 'ken'",
        ),
    ],
)  # fmt: skip
def test_a_name_that_stands_for_nothing_or_for_two_is_a_fault(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ScriptFault) as raised:
        check_names(script(**changes))
    assert named in str(raised.value)


@pytest.mark.parametrize("do", ["release", "delete", "dm_export", "enable"])
def test_an_operation_on_a_scenario_that_is_not_there_is_a_fault(do: str) -> None:
    with pytest.raises(ScriptFault, match=r"timeline\[1\]: there is no scenario 'merci' by then; there are: thanks"):
        cast(script(timeline=[RUN, {"at": "2025-03-04", "do": do, "scenario": "merci"}]))


def test_an_operation_calls_a_scenario_as_it_is_called_by_then() -> None:
    renamed = {"at": "2025-03-04", "do": "edit_scenario", "scenario": "thanks", "change": {"code": "merci"}}
    cast(script(timeline=[RUN, renamed, {"at": "2025-03-05", "do": "release", "scenario": "merci"}]))


@pytest.mark.parametrize(
    "expected",
    [
        {"rows": [["thanks", "hana", "1", "2025-03-02", "redy", "-"]]},
        {"rows": [["thanks", "hana", "1", "2025-03-02", "deleted"]]},
        {"enrolments": [["thanks", "hana", "stoped"]]},
    ],
)
def test_a_status_that_there_is_none_of_is_a_fault(expected: dict[str, Any]) -> None:
    with pytest.raises(ScriptFault, match="Input should be"):
        script(timeline=[RUN | expected])


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("unsubscribed", "opt_out"),
        ("optout", "opt_out"),
        ("suppresed", "suppressed"),
        ("bounced", "suppressed"),
        ("order_cancelled", "order_status"),
        ("log_in", "login"),
    ],
)
def test_an_event_that_the_language_says_otherwise_is_a_fault(written: str, meant: str) -> None:
    event = {"at": "2025-03-02", "type": written, "customer": "hana"}
    with pytest.raises(ScriptFault, match=rf"events\[0\]: .*{written!r}.* is {meant!r} meant"):
        check_names(script(events=[event]))


@pytest.mark.parametrize("kind", ["searched", "cart_add", "レビュー", "opened"])
def test_an_event_that_nobody_asks_about_may_stand_there_to_change_nothing(kind: str) -> None:
    check_names(script(events=[{"at": "2025-03-02", "type": kind, "customer": "hana"}]))


@pytest.mark.parametrize(
    "asking",
    [
        {"scenarios": [{"code": "s", "stop": {"events": ["complaint"]}, "steps": []}]},
        {"scenarios": [{"code": "s", "anchor": {"event": "complaint"}, "steps": []}]},
        {"segments": {"angry": {"events": ["complaint"]}}},
        {"timeline": [{"at": "2025-03-04", "do": "edit", "scenario": "thanks",
                       "change": {"stop": {"events": ["complaint"]}}}]},
    ],
)  # fmt: skip
def test_an_event_that_something_asks_about_is_that_event(asking: dict[str, Any]) -> None:
    check_names(script(events=[{"at": "2025-03-02", "type": "complaint", "customer": "hana"}], **asking))


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ({"type": "order_changed", "order": "o-1", "change": {"at": "2025-03-02"}}, "cannot change 'at'"),
        ({"type": "customer_changed", "customer": "hana", "change": {"tags": ["vip"]}}, "cannot change 'tags'"),
        (
            {"type": "customer_changed", "customer": "hana", "change": {"registered_at": "2025-03-02"}},
            "cannot change 'registered'",
        ),
    ],
)
def test_a_change_of_what_stays_is_a_fault(event: dict[str, Any], named: str) -> None:
    with pytest.raises(ScriptFault, match=named):
        check_names(script(events=[{"at": "2025-03-02"} | event]))


def test_the_lines_of_an_order_are_those_it_has_by_then() -> None:
    changed = {"at": "2025-03-02 12:00", "type": "order_changed", "order": "o-1", "change": {"lines": ["cup", "cup"]}}
    given = script(events=[changed])
    (at,) = (event.at for event in given.events)
    before, after = (visible(given, moment)["order_lines"] for moment in (given.orders[0].at, at))
    assert [(line["product_id"], line["quantity"]) for line in before] == [("tea", 1)]
    assert [(line["product_id"], line["quantity"]) for line in after] == [("cup", 2)]
    assert {row["product_id"] for row in visible(given, at)["products"]} == {"tea", "cup"}


def test_an_address_written_as_nothing_is_none() -> None:
    customers = [{"id": "hana", "email": "", "email_2": ""}, {"id": "ken"}]
    given = script(customers=customers)
    found = {row["customer_id"]: row for row in visible(given, given.timeline[0].at)["customers"]}
    assert (found["hana"]["email"], found["hana"]["email_2"]) == (None, None)
    assert found["ken"]["email"] == "ken@customers.invalid"


def test_an_opt_out_counts_from_when_it_is_recorded() -> None:
    asked = {"at": "2025-03-02", "recorded": "2025-03-03", "type": "opt_out", "customer": "hana", "channel": "mail"}
    given = script(events=[asked])
    assert opt_outs(given, given.events[0].at) == []
    assert given.events[0].recorded is not None
    (found,) = opt_outs(given, given.events[0].recorded)
    assert (found.customer_id, found.channel, found.site, found.opted_out_at) == (
        "hana", "mail", None, given.events[0].at,
    )  # fmt: skip


def test_two_scripts_of_one_id_are_faults_that_name_both_files() -> None:
    def case(script_id: str) -> Case:
        given = script(id=script_id)
        return Case(script_id, playable=(given, cast(given)))

    cases = {Path("first.yaml"): case("A-1"), Path("second.yaml"): case("a_1"), Path("third.yaml"): case("A2")}
    checked = refuse_ids_twice(cases)
    assert [str(each.fault or "") for each in checked.values()] == [
        "2 scripts have the id 'A-1': first.yaml, second.yaml; give each its own",
        "2 scripts have the id 'a_1': first.yaml, second.yaml; give each its own",
        "",
    ]


def test_cases_may_be_a_folder_or_one_file(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in script_paths(tmp_path)] == ["a.yml", "b.yaml"]
    assert [path.name for path in script_paths(tmp_path / "b.yaml")] == ["b.yaml"]
    with pytest.raises(pytest.UsageError, match=r"there is no .*missing"):
        script_paths(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(pytest.UsageError, match=r"there is no \.yaml file in .*empty"):
        script_paths(tmp_path / "empty")

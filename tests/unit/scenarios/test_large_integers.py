"""Integers beyond anything that is counted here: refused where they are read, and nothing raises for them."""

from pathlib import Path

import pytest

from ekiden.scenarios.definition import check
from ekiden.scenarios.faults import shown
from ekiden.scenarios.scaffold import ScaffoldRefused, new_scenario
from ekiden.scenarios.validate import validate

STEPS = [{"offset_days": 3, "send_time": "12:00"}]
LARGEST = 10**18 - 1
HUGE = [10**18, -(10**18), 10**400, 1 << 20_000]


def definition(**changes) -> dict:
    return {"code": "a", "name": "A", "anchor": "ordered", "steps": STEPS} | changes


def custom(condition) -> dict:
    frame = {"type": "member", "member": {"custom": {"points": condition}}}
    return definition(target={"frames": [frame]})


def told(given: object) -> list[tuple[str, str]]:
    return [(each.rule, each.place) for each in check(given).faults]


@pytest.mark.parametrize("number", HUGE, ids=["19 digits", "below zero", "401 digits", "6,021 digits"])
def test_a_definition_holds_none(number):
    assert told(definition(priority=number)) == [("out_of_range", "priority")]
    assert told(definition(code=number)) == [("out_of_range", "code")]
    assert told(definition(anchor=number)) == [("out_of_range", "anchor")]
    assert told(definition(steps=[{**STEPS[0], "offset_days": number}])) == [("out_of_range", "steps[0].offset_days")]
    assert told(custom(number)) == [("out_of_range", "target.frames[0].member.custom.points")]
    assert check(custom({number: 1})).faults
    assert check(number).faults


@pytest.mark.parametrize("number", [1e18, -1e18, 1e30])
def test_nor_one_that_only_its_notation_makes_no_integer(number):
    place = "target.frames[0].member.custom.points"
    (fault,) = check(custom({"to": number})).faults
    assert (fault.rule, fault.place) == ("not_a_value", f"{place}.to")
    assert fault.message.startswith("this number is out of range: it has more than 18 digits")
    assert told(custom(number)) == [("not_a_value", place)]
    # the largest that Python has below it
    assert not told(custom({"to": 999_999_999_999_999_872.0}))


def test_both_ends_of_a_comparison_are_told():
    place = "target.frames[0].member.custom.points"
    assert told(custom({"from": 10**400, "to": 10**401})) == [
        ("out_of_range", f"{place}.from"),
        ("out_of_range", f"{place}.to"),
    ]


def test_whole_numbers_are_compared_as_such():
    assert not told(custom({"from": LARGEST - 1, "to": LARGEST}))
    assert [rule for rule, _ in told(custom({"from": LARGEST, "to": LARGEST - 1}))] == ["period_reversed"]
    assert [rule for rule, _ in told(custom({"from": 2.5, "to": 2}))] == ["period_reversed"]


@pytest.mark.parametrize("value", [*HUGE, [1 << 20_000], {"a": 1 << 20_000}], ids=lambda value: type(value).__name__)
def test_anything_found_can_be_shown(value):
    assert 0 < len(shown(value)) <= 60


@pytest.mark.parametrize("number", ["0x" + "f" * 5_000, "9" * 400, "9" * 5_000, "0b1" + "0" * 20_000], ids=len)
@pytest.mark.parametrize(
    "line", ["priority: N", "custom: {a: {from: N, to: N}}", "N: 1", "columns: [{name: x, data_type: N}]"]
)
def test_a_file_with_one_is_reported_with_its_line(tmp_path: Path, number, line):
    folder = tmp_path / "models" / "eligibility"
    folder.mkdir(parents=True)
    text = "models:\n- name: a\n  config: {meta: {scenario: {code: a}}}\n  " + line.replace("N", number)
    (folder / "a.yml").write_text(text)
    rules = {(each.rule, each.line) for each in validate(tmp_path).findings}
    # Python reads no decimal of more than 4,300 digits, and YAML no key of more than 1,024 characters
    assert rules & {("out_of_range", 4), ("unreadable_value", 4), ("not_yaml", 4)}


@pytest.mark.parametrize("anchor", ["0x" + "f" * 5_000, "{nth_purchase: {n: 0x" + "f" * 5_000 + "}}"], ids=len)
def test_a_scaffold_refuses_one(tmp_path: Path, anchor):
    with pytest.raises(ScaffoldRefused, match="out of range"):
        new_scenario("x", name=None, anchor=anchor, project=tmp_path, contents=tmp_path)

"""What YAML reads otherwise than people or dbt do: keys that are no texts, bytes, and merged mappings."""

import pytest
import yaml

from ekiden.scenarios.document import Document, document_of
from ekiden.scenarios.yaml_complaints import Position

DEFINITION = "models: [{name: a, config: {meta: {scenario: {custom: {KEY: x}}}}}]"
ELSEWHERE = "models: [{name: a, columns: [{KEY: x}]}]"
CUSTOM = ("models", 0, "config", "meta", "scenario", "custom")


def read(text: str) -> Document:
    return document_of(text.encode())


def told(text: str) -> list[tuple[str, int, int, bool]]:
    """Return rule, line, column and whether dbt stops of every fault."""
    return [(each.rule, each.position.line, each.position.column, each.stops_dbt) for each in read(text).faults]


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("no", "false"),
        ("on", "true"),
        ("Yes", "true"),
        ("null", "nothing"),
        ("~", "nothing"),
        ("2026", "a number"),
        ("1.5", "a number"),
        (".nan", "a number"),
    ],
)
def test_a_key_of_a_definition_that_is_no_text_is_to_be_quoted(key, kind):
    (fault,) = read(DEFINITION.replace("KEY", key)).faults
    assert fault.message == f"YAML reads {key} as {kind}; write the key in quotes"
    assert (fault.rule, fault.location) == ("not_quoted", (*CUSTOM, key))
    assert fault.position == Position(1, DEFINITION.index("KEY") + 1)
    # dbt would begin the build, and never end it
    assert fault.stops_dbt
    assert read(ELSEWHERE.replace("KEY", key)).faults == ()


def test_a_key_that_is_left_out_is_told_of():
    (fault,) = read(DEFINITION.replace("KEY", "? ")).faults
    assert (fault.rule, fault.location) == ("not_quoted", (*CUSTOM, ""))
    assert fault.message == "there is no key before the colon; write the key in quotes"


def test_a_key_beside_the_definition_keeps_dbt_waiting_as_well():
    assert told("models: [{name: a, config: {meta: {2026: x}}}]") == [("not_quoted", 1, 36, True)]


@pytest.mark.parametrize("key", ["no", "null", "2026", "2026-01-01", "<<", "!!binary"])
def test_a_key_in_quotes_is_a_text(key):
    document = read(DEFINITION.replace("KEY", f'"{key}"'))
    assert document.faults == ()
    assert document.value["models"][0]["config"]["meta"]["scenario"]["custom"] == {key: "x"}


@pytest.mark.parametrize("text", [DEFINITION, ELSEWHERE])
@pytest.mark.parametrize("key", ["2026-01-01", "2026-01-01 12:00:00", "2026-01-01T12:00:00Z"])
def test_a_date_is_no_key_anywhere_as_dbt_makes_no_manifest_of_it(text, key):
    assert told(text.replace("KEY", f"? {key} ")) == [("not_quoted", 1, text.index("KEY") + 3, True)]


@pytest.mark.parametrize("text", ["a: b\nc: !!binary aGVsbG8=", "a: b\nc: [!!binary aGVsbG8=]"])
def test_bytes_are_no_value_anywhere(text):
    assert told(text) == [("unreadable_value", 2, text.split("\n")[1].index("!") + 1, True)]


def test_bytes_are_no_key_anywhere():
    assert told("a: {? !!binary aGVsbG8= : b}") == [("unreadable_value", 1, 7, True)]


@pytest.mark.parametrize("value", ["!!seq x", "!!map x", "!!set x", "!!omap x", "!!seq {b: c}", "!!map [b]"])
def test_a_tag_of_another_shape_is_a_fault_as_dbt_cannot_read_it(value):
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load(f"a: {value}")
    assert told(f"a: {value}") == [("unreadable_value", 1, 4, True)]


@pytest.mark.parametrize("value", ["5", "", "text", "*texts", "[*texts]", "[*one, 5]", "[[*one]]"])
def test_what_is_merged_is_a_mapping_or_a_list_of_them(value):
    text = f"texts: &texts [a, b]\none: &one {{x: 1}}\nc:\n  <<: {value}\n"
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load(text)
    # an alias stands where its anchor does; the key is where it went wrong
    assert told(text) == [("wrong_type", 4, 3, True)]


def test_two_merge_keys_in_a_mapping_are_a_fault_and_count_as_they_do_to_dbt():
    text = "a: &a {x: 1}\nb: &b {x: 2}\nc:\n  <<: *a\n  <<: *b\n"
    assert told(text) == [("duplicate_key", 5, 3, False)]
    assert read(text).value == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("merged", "line"),
    [
        ("<<: *a", 1),
        ("<<: [*a, *b]", 1),
        ("<<: [*b, *a]", 2),
        ("<<: [*c, *b]", 2),
        # by way of another, whose own counts before what it merges
        ("<<: *d", 2),
        ("<<: [*d, *a]", 2),
        ("<<: [*e, *b]", 5),
        ("<<: *a\n  x: 6", 8),
        ("x: 6\n  <<: *a", 7),
        ("<<: *a\n  <<: *b", 2),
    ],
)
def test_a_merged_value_is_the_one_that_counts_and_stands_where_it_is_written(merged, line):
    anchors = ["a: &a {x: 1}", "b: &b {x: 2}", "c: &c {y: 3}", "d: &d {<<: [*c, *b]}", "e: &e {<<: *a, x: 5}"]
    text = "\n".join([*anchors, "f:", f"  {merged}\n"])
    document = read(text)
    assert document.value == yaml.safe_load(text)
    assert document.position(("f", "x")).line == line


def test_a_mapping_that_merges_itself_has_a_place_all_the_same():
    document = read("a: &a {<<: *a, x: 1}")
    assert "too_large" in {fault.rule for fault in document.faults}
    assert document.position(("a", "y")) == Position(1, 4)


@pytest.mark.parametrize(
    ("value", "read_as"),
    [
        ("010", "8"),
        ("1:30", "90"),
        ("1:30.5", "90.5"),
        ("0x10", "16"),
        ("12345678901234.567891", "12345678901234.568"),
        ("1.0e-400", "0.0"),
    ],
)
@pytest.mark.parametrize("place", ["offset_days: VALUE", "custom: {a: {from: VALUE}}", "custom: {a: {to: VALUE}}"])
def test_a_number_that_yaml_reads_as_another_is_a_fault(place, value, read_as):
    text = DEFINITION.replace("custom: {KEY: x}", place.replace("VALUE", value))
    (fault,) = read(text).faults
    position = Position(1, text.index(value) + 1)
    assert (fault.rule, fault.position, fault.stops_dbt) == ("not_decimal", position, False)
    assert fault.message == f"YAML reads {value} as {read_as}; write {read_as} if that is meant, a text in quotes"
    assert read(text.replace("scenario", "other")).faults == ()


@pytest.mark.parametrize(
    "value", ["23.50", "1_000", "1_000.25", "+5", "-1.5", ".5", "5.", "1.0e+3", "0", "-0.0", ".inf"]
)
def test_a_number_may_be_written_in_more_than_one_way(value):
    assert told(DEFINITION.replace("KEY: x", f"a: {{from: {value}}}")) == []
    assert told(DEFINITION.replace("custom: {KEY: x}", f"offset_days: {value}")) == []


@pytest.mark.parametrize(
    ("value", "read_as"),
    [("23.50", "23.5"), ("1_000", "1000"), ("+5", "5"), ("1.0e+3", "1000.0"), ("NO", "false"), ("True", "true")],
)
@pytest.mark.parametrize("place", ["a: VALUE", "from: VALUE", "a: {equals: VALUE}", "a: {in: [x, VALUE]}"])
def test_a_value_of_a_field_of_the_shops_own_is_compared_as_the_text_that_stands_there(place, value, read_as):
    text = DEFINITION.replace("KEY: x", place.replace("VALUE", value))
    (fault,) = read(text).faults
    assert (fault.rule, fault.position) == ("not_decimal", Position(1, text.index(value) + 1))
    assert fault.message == f"YAML reads {value} as {read_as}; write {read_as} if that is meant, a text in quotes"
    for meant in (read_as, f'"{value}"'):
        assert told(text.replace(value, meant)) == []


@pytest.mark.parametrize("value", ["no", "Yes", "on", "TRUE"])
def test_elsewhere_true_and_false_may_be_written_in_more_than_one_way(value):
    assert told(DEFINITION.replace("custom: {KEY: x}", f"multi_delivery: {value}")) == []

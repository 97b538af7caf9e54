from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ekiden.delivery.events.event_reading import BodyUnreadable, Reading, read_event, read_events

MESSAGE = UUID("6a0f3c1e-0f0f-4a7b-9a39-0a4c7b2d1e11")
AT = 1_700_000_000

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = ["event", "timestamp", "email", "ekiden_message_id", "sg_event_id", "sg_message_id", "url", "reason", "type"]
odd_events = st.dictionaries(
    st.sampled_from([*names, "sg_machine_open", "asm_group_id", "category"]), json_values | st.text("\x00a", min_size=1)
).map(lambda odd: {**an_event(), **odd})


def an_event(**changes: object) -> dict[str, object]:
    fields = {"event": "delivered", "timestamp": AT, "email": "Taro@Shop.Example", "ekiden_message_id": str(MESSAGE)}
    return {**fields, **changes}


def test_an_event_is_read_with_its_time_to_the_second_and_its_address_as_addresses_are_compared():
    event = read_event(
        an_event(sg_message_id="abc.filter1", sg_event_id="1", category="spring", timestamp="1700000000.9")
    )
    assert event is not None
    assert event.message_id == MESSAGE
    assert event.happened_at == datetime.fromtimestamp(AT, UTC)
    assert event.address == "taro@shop.example"
    assert event.provider_event_id == "1"


def test_a_name_is_cut_to_what_is_kept_of_it():
    event = read_event(an_event(sg_event_id="x" * 400))
    assert event and event.provider_event_id == "x" * 320


@pytest.mark.parametrize(
    "same",
    [
        {"sg_event_id": "other"},
        {"sg_message_id": "other"},
        {"category": ["a", "b"]},
        {"category": "a"},
        {"email": None},
        {"timestamp": str(AT)},
        {"ekiden_message_id": str(MESSAGE).upper()},
    ],
)
def test_a_redelivery_with_other_ids_is_the_same_fact(same: dict[str, object]):
    first, again = read_event(an_event()), read_event(an_event(**same))
    assert first and again and first.event_key == again.event_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"event": "open"}, {"event": "click"}),
        ({"event": "click", "url": "https://a.example"}, {"event": "click", "url": "https://b.example"}),
        ({"event": "deferred", "response": "450 later"}, {"event": "deferred", "response": "451 later"}),
        ({"event": "bounce", "type": "bounce"}, {"event": "bounce", "type": "blocked"}),
        ({"timestamp": AT}, {"timestamp": AT + 1}),
        ({}, {"ekiden_message_id": None}),
        ({"ekiden_message_id": None}, {"ekiden_message_id": "x", "sg_message_id": "other"}),
    ],
)
def test_what_differs_in_message_kind_time_link_or_reason_is_another_fact(
    one: dict[str, object], other: dict[str, object]
):
    first, second = read_event(an_event(**one)), read_event(an_event(**other))
    assert first and second and first.event_key != second.event_key


@pytest.mark.parametrize(("said", "kind"), [("bounce", "bounce"), ("blocked", "blocked"), (None, "blocked")])
def test_a_bounce_is_one_for_good_only_where_it_says_so(said: str | None, kind: str):
    event = read_event(an_event(event="bounce", type=said, reason="550 unknown"))
    assert event is not None
    assert event.kind == kind


@pytest.mark.parametrize(
    "element",
    [None, 1, "delivered", [], {}, an_event(timestamp=None), an_event(timestamp=True), an_event(timestamp="soon"),
     an_event(timestamp=1e300), an_event(timestamp=-1), an_event(timestamp="inf"), an_event(event=""),
     an_event(event=[])],
)  # fmt: skip
def test_what_has_no_kind_or_no_time_is_no_event(element: object):
    assert read_event(element) is None


def test_the_good_events_beside_bad_ones_are_read():
    body = orjson.dumps([an_event(), "nonsense", an_event(event="open"), {"event": "open"}])
    reading = read_events(body)
    assert [event.kind for event in reading.events] == ["delivered", "open"]
    assert reading.unreadable == 2


@examples(max_examples=40)
@given(st.lists(odd_events | json_values, max_size=3))
def test_every_list_can_be_read_and_every_text_stored(body: list[object]):
    reading = read_events(orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)) if _is_json(body) else Reading((), 0)
    for event in reading.events:
        assert b"\\u0000" not in orjson.dumps(vars(event))


@given(st.binary())
def test_whatever_bytes_come_they_are_read_or_refused(body: bytes):
    with suppress(BodyUnreadable):
        read_events(body)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"null", b"[", b"\xff", b'["\\ud800"', b'["\\ud800', b"[" * 100_000, b'[{"event":"open"}', b"NaN"],
)
def test_a_body_that_is_no_list_is_refused(body: bytes):
    with pytest.raises(BodyUnreadable):
        read_events(body)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"\ud83d", "\ufffd"),
        (r"\uD83D cut", "\ufffd cut"),
        (r"\ude00\ud83d", "\ufffd\ufffd"),
        (r"\ud83d\ud83d\ude00", "\ufffd😀"),
        (r"\\ud83d \ud83d", r"\ud83d " + "\ufffd"),
        (r"\\\ud83d\u0041", "\\\ufffdA"),
    ],
)
def test_half_a_character_in_a_text_is_read_as_none_and_the_events_beside_it_are_read(written: str, read: str):
    odd = orjson.dumps(an_event(event="click", url="WRITTEN")).replace(b"WRITTEN", written.encode())
    reading = read_events(b"[" + odd + b"," + orjson.dumps(an_event(event="unsubscribe")) + b"]")
    assert [(event.kind, event.about) for event in reading.events] == [("click", read), ("unsubscribe", None)]


def test_a_list_with_half_a_character_alone_is_a_list():
    assert read_events(b'["\\ud800"]') == Reading((), 1)


def _is_json(value: object) -> bool:
    try:
        orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except (TypeError, ValueError):
        return False
    return True

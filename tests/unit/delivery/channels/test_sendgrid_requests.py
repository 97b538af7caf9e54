import json
import os
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ekiden.content.render import load_content, render, sample_variables
from ekiden.content.shared import SharedContent
from ekiden.delivery.channels.base import FromAddress, OutgoingMessage
from ekiden.delivery.channels.sendgrid.requests import Limits, Unwritable, grouped_into_requests, request_body, tags_of
from ekiden.settings import PROJECT_ROOT
from tests.integration.delivery.channels.mail import GREETING, apart, faults_of_body, ids_of, mail, received, together

LIMITS = Limits()
EXAMPLES = int(os.environ.get("EKIDEN_TEST_SENDGRID_EXAMPLES", "40"))
LONG = SharedContent(("件名",), (0, "\n"), None, 1)


def planned(messages: list[OutgoingMessage], limits: Limits = LIMITS) -> list[tuple[int, ...]]:
    return grouped_into_requests(messages, range(len(messages)), limits)


def body_of(messages: list[OutgoingMessage], **options: object) -> dict[str, object]:
    body = json.loads(request_body(messages, LIMITS, **options))
    assert faults_of_body(body) == []
    return body


def test_messages_of_one_content_travel_together_and_others_alone() -> None:
    messages = [mail(0), mail(1, shared=None), mail(2), mail(3, shared=replace(GREETING, subject=(0,)))]
    assert planned(messages) == [(0, 2), (1,), (3,)]


def test_equal_contents_are_one_content_and_another_sender_is_another_request() -> None:
    copy = SharedContent(GREETING.subject, GREETING.text, GREETING.html, GREETING.holes)
    messages = [mail(0), mail(1, shared=copy), mail(2, from_address=FromAddress("two@shop.invalid", "二号店"))]
    assert planned(messages) == [(0, 1), (2,)]


def test_a_request_has_a_thousand_recipients_at_most() -> None:
    messages = together(2_010)
    parts = planned(messages)
    assert [len(part) for part in parts] == [1_000, 1_000, 10]
    body = json.loads(request_body([messages[position] for position in parts[0]], LIMITS))
    assert faults_of_body(body, looked_at=1_000) == []


def test_an_address_is_in_a_request_once_whatever_its_case() -> None:
    messages = [mail(n, address=address) for n, address in enumerate(["a@x.invalid", "A@X.invalid", "b@x.invalid"])]
    assert planned(messages) == [(0, 2), (1,)]


def test_ten_thousand_bytes_of_substitutions_go_together_and_one_more_goes_alone() -> None:
    # the name of a tag takes 25 bytes, as it travels; quotes and brackets of the value four
    fits, too_long = "a" * 9_971, "a" * 9_972
    messages = [mail(n, shared=LONG, values=[text]) for n, text in enumerate([fits, too_long, fits])]
    assert planned(messages) == [(0, 2), (1,)]
    assert planned(messages, Limits(substitution_bytes=50_000)) == [(0, 1, 2)]
    japanese = [mail(n, shared=LONG, values=["駅" * 3_400]) for n in range(2)]
    assert planned(japanese) == [(0,), (1,)]


def test_a_hundred_substitutions_go_together_and_one_more_goes_alone() -> None:
    for holes, parts in ((100, [(0, 1)]), (101, [(0,), (1,)])):
        shared = SharedContent(("件名",), tuple(range(holes)), None, holes)
        assert planned([mail(n, shared=shared, values=["x"] * holes) for n in range(2)]) == parts


def test_a_request_stays_below_its_bytes() -> None:
    limits = Limits(request_bytes=100_000)
    messages = [mail(n, shared=LONG, values=["駅" * 2_000]) for n in range(40)]
    parts = planned(messages, limits)
    assert len(parts) > 2
    assert Counter(position for part in parts for position in part) == dict.fromkeys(range(40), 1)
    assert max(len(request_body([messages[n] for n in part], LIMITS)) for part in parts) < 100_000


def test_values_that_do_not_fill_the_content_go_alone_as_they_were_rendered() -> None:
    message = mail(0)
    short = message._replace(rendered=message.rendered._replace(values=("x",)))
    assert planned([short, mail(1), mail(2)]) == [(0,), (1, 2)]


def test_one_recipient_gets_a_body_of_their_own_and_several_share_one() -> None:
    alone = body_of(together(1))
    assert (alone["subject"], "substitutions" in alone["personalizations"][0]) == ("山田 花子様へのお知らせ", False)
    shared = body_of([mail(0), mail(1, name="佐藤; 太郎, 様")], nonce=lambda: "0123456789abcdef")
    assert shared == {
        "personalizations": [
            {
                "to": [{"email": f"customer-{number}@mail.invalid", "name": shown}],
                "custom_args": {"ekiden_message_id": f"00000000-0000-0000-0000-00000000000{number}"},
                "headers": {
                    "List-Unsubscribe": f"<https://shop.invalid/u/{number}>",
                    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                    "Auto-Submitted": "auto-generated",
                    "X-Ekiden-Message": f"00000000-0000-0000-0000-00000000000{number}",
                    "X-Ekiden-Scenario": "cross_sell",
                    "X-Ekiden-Step": "2",
                },
                "substitutions": {
                    "-0123456789abcdef-0-": name,
                    "-0123456789abcdef-1-": f"https://shop.invalid/next/{number}",
                    "-0123456789abcdef-2-": f"https://shop.invalid/u/{number}",
                },
            }
            for number, name, shown in ((0, "山田 花子", "山田 花子"), (1, "佐藤; 太郎, 様", "佐藤  太郎  様"))
        ],
        "from": {"email": "shop@shop.invalid", "name": "駅伝ショップ"},
        "reply_to": {"email": "help@shop.invalid"},
        "subject": "-0123456789abcdef-0-様へのお知らせ",
        "content": [
            {
                "type": "text/plain",
                "value": "-0123456789abcdef-0-様\n次は -0123456789abcdef-1- です。\n配信停止: -0123456789abcdef-2-\n",
            },
            {
                "type": "text/html",
                "value": '<p>-0123456789abcdef-0-様</p><a href="-0123456789abcdef-1-">次</a>'
                '<a href="-0123456789abcdef-2-">配信停止</a>',
            },
        ],
        "tracking_settings": {"subscription_tracking": {"enable": False}},
    }


@pytest.mark.parametrize(
    "where",
    [
        "name",
        "value",
        "two values",
        "value and text",
        "text and value",
        "around an empty value",
        "value and long text",
        "long text and value",
        "static text",
        "address",
        "sender",
    ],
)
def test_letters_that_stand_anywhere_in_the_messages_make_no_tag(where: str) -> None:
    guessed, fresh = "B" * 16, "C" * 16
    other = {
        "name": mail(1, name=f"-{guessed}-1-"),
        "value": mail(1, values=[f"-{guessed}-1-", "x", "y"]),
        "two values": mail(1, values=[guessed[:9], guessed[9:], "y"], shared=replace(GREETING, text=(0, 1, 2))),
        "value and text": mail(1, values=["x", guessed[:9], "y"], shared=replace(GREETING, text=(1, guessed[9:]))),
        "text and value": mail(1, values=["x", guessed[9:], "y"], shared=replace(GREETING, html=(guessed[:9], 1))),
        "around an empty value": mail(
            1, values=["", "", ""], shared=replace(GREETING, text=(guessed[:9], 1, guessed[9:]))
        ),
        "value and long text": mail(
            1, values=["x", "B", "y"], shared=replace(GREETING, text=(1, guessed[1:] + "." * 100))
        ),
        "long text and value": mail(
            1, values=["x", "B", "y"], shared=replace(GREETING, html=("." * 100 + guessed[1:], 1))
        ),
        "static text": mail(1, shared=replace(GREETING, text=(0, 1, 2, f"-{guessed}-1-"))),
        "address": mail(1, address=f"{guessed}@x.invalid"),
        "sender": mail(1, from_address=FromAddress("shop@shop.invalid", f"店 -{guessed}-0-")),
    }[where]
    first = mail(0, shared=other.rendered.shared, from_address=other.from_address)
    letters = iter([guessed, fresh])
    body = request_body([first, other], LIMITS, lambda: next(letters)).decode()
    assert f"-{fresh}-0-" in body


def test_a_content_without_holes_is_shared_too() -> None:
    plain = SharedContent(("件名",), ("本文\n",), None, 0)
    messages = [mail(n, shared=plain, values=[]) for n in range(3)]
    assert planned(messages) == [(0, 1, 2)]
    assert received(body_of(messages))[messages[2].message_id] == ("件名", "本文\n", None)


def test_what_is_no_unicode_has_no_body_and_its_text_stays_out_of_the_error() -> None:
    broken = mail(0, values=["secret \ud800", "x", "y"])
    assert planned([broken, mail(1), mail(2)]) == [(0,), (1, 2)]
    with pytest.raises(Unwritable) as error:
        request_body([broken], LIMITS)
    assert "secret" not in f"{error.value.reason}{error.value!r}"
    assert error.value.__suppress_context__


def test_a_message_larger_than_a_request_has_no_body() -> None:
    with pytest.raises(Unwritable, match="more than the 25,000,000"):
        request_body([mail(0, shared=LONG, values=["a" * 26_000_000])], LIMITS)


def test_tags_do_not_overlap() -> None:
    tags = tags_of("0123456789abcdef", 100)
    assert not [(one, two) for one in tags for two in tags if one != two and one in two]


# whatever tags and templates are made of, and what breaks JSON, HTML, headers and lines
_NASTY = st.sampled_from(
    [
        "-",
        "--",
        "-0-",
        "-1-",
        "<%",
        "%>",
        "{{x}}",
        "%name%",
        "\\",
        '"',
        "<b>",
        "駅伝",
        "😀",
        "\u2028",
        "0",
        "B",
        "C",
        "-B",
        "B-0-",
        "$1",
    ]
)
_WORDS = st.lists(_NASTY | st.text(max_size=5), max_size=6).map("".join)


@st.composite
def batches(draw: st.DrawFn) -> list[OutgoingMessage]:
    holes = draw(st.integers(0, 12))
    piece = _WORDS.filter(bool) | st.integers(0, holes - 1) if holes else _WORDS.filter(bool)
    pieces = st.lists(piece, min_size=1, max_size=8).map(tuple)
    html = draw(st.none() | pieces)
    shared = SharedContent(("件", *draw(pieces)), ("本", *draw(pieces)), html and ("<p>", *html), holes)
    count = draw(st.integers(1, 4))
    return [
        mail(
            number,
            name=draw(_WORDS),
            shared=shared,
            values=[draw(_WORDS) for _ in range(holes)],
            address=draw(st.none() | st.sampled_from(["a@x.invalid", "-B-0-@x.invalid", "'%25+x'@y.invalid"])),
        )
        for number in range(count)
    ]


@settings(max_examples=EXAMPLES)
@given(batches(), st.permutations(range(12)), st.sampled_from(["B", "BB", "BC", "C" * 16]))
def test_everybody_gets_exactly_their_own_message_in_whatever_order_tags_are_replaced(
    messages: list[OutgoingMessage], order: list[int], guess: str
) -> None:
    """`guess` is what somebody would have to guess to get at a tag; here the first letters are so easily guessed."""
    guesses = iter([guess])
    got: dict[object, tuple[str, str, str | None]] = {}
    for part in planned(messages):
        chosen = [messages[position] for position in part]
        try:
            body = json.loads(request_body(chosen, LIMITS, lambda: next(guesses, "0123456789abcdef")))
        except Unwritable:
            continue
        got |= received(body, order)
        assert len(ids_of(body)) == len(part)
    for message in messages:
        rendered = message.rendered
        if message.message_id in got:
            assert got[message.message_id] == (rendered.subject, rendered.text, rendered.html)
    writable = [m for m in messages if not any("\ud800" <= c <= "\udfff" for c in repr(m) + m.rendered.text)]
    assert {m.message_id for m in writable} <= set(got)


def test_messages_without_shared_content_never_meet() -> None:
    assert planned(apart(3)) == [(0,), (1,), (2,)]


NASTY_NAMES = [
    "山田 花子",
    "<b>-0-</b>",
    "-BCDFGHJKLMNPQRVX-0-",
    "% %",
    "{{ customer_name }}",
    "&amp;",
    "😀",
    "Ann\\1$1",
]


@pytest.mark.parametrize("name", ["cross_sell/step_1", "cart_recovery/step_1", "welcome/step_2"])
def test_the_shops_own_contents_travel_together_and_arrive_as_they_were_rendered(name: str) -> None:
    content = load_content(PROJECT_ROOT / "content", name)
    messages = [
        mail(number)._replace(rendered=render(content, sample_variables()._replace(customer_name=customer)))
        for number, customer in enumerate(NASTY_NAMES)
    ]
    (part,) = planned(messages)
    assert part == tuple(range(len(messages)))
    body = body_of(messages)
    assert received(body) == {
        one.message_id: (one.rendered.subject, one.rendered.text, one.rendered.html) for one in messages
    }
    as_text = [one._replace(rendered=one.rendered.without_html()) for one in messages]
    assert received(body_of(as_text))[messages[1].message_id][2] is None

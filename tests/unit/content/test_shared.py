from datetime import date
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ekiden.content.borders import joined, stripped
from ekiden.content.message import RenderedMessage
from ekiden.content.render import (
    ContentFault,
    MessageVariables,
    StepContent,
    content_names,
    load_content,
    render,
    render_whole,
    sample_variables,
)
from ekiden.content.shared import filled
from ekiden.settings import PROJECT_ROOT

FOOTER = "{{ shop_name }} {{ postal_address }} {{ unsubscribe_url }} {{ contact_address }}"
LAYOUT_HTML = f"""<mjml><mj-head><mj-title>{{{{ subject }}}}</mj-title></mj-head><mj-body>
<mj-include path="step" />
<mj-section><mj-column><mj-text>{FOOTER}</mj-text></mj-column></mj-section>
</mj-body></mjml>
"""
LAYOUT_TEXT = '{% include "step" %}\n' + FOOTER + "\n"

# What an author may write, alone or in any order; each stands for one way of cutting a template.
PLAIN_PIECES = (
    "Hello ",
    "  ",
    "\n\n",
    "日本語。",
    "{{ customer_name }}",
    '{{ given_name or "there" }}',
    "{{ shop_name }}",
    "{{ step_no }}",
    '{{ anchor_date.year }}/{{ anchor_date.month }}, {{ anchor_date.strftime("%B") }}',
    "{% if given_name %}, {{ given_name }}{% endif %}",
    "{% if shop_url %}Shop: {{ shop_url }}{% else %}closed{% endif %}",
    "{% if given_name %}  {% else %}x{% endif %}",
    "{% for product in anchor_products %}\n- {{ product }}{% if not loop.last %};{% endif %}{% endfor %}",
    "{% for product in anchor_products[:2] %}{{ loop.index }}. {{ product }} {{ shop_name }}{% else %}none{% endfor %}",
    "{{ anchor_products|join(', ')|upper }}",
    "{{ customer_name|length }}",
    '{{ offered_products|join(" or ") or "nothing" }}',
    "{% if offered_products %}{{ given_name }}, {{ offered_products[0] }}{% endif %}",
    "{{ 6 * 7 }}",
    "{% set word = given_name or 'you' %}",
    "{% set word = shop_name %}",
    "{% set word = 'start' %}{% if shop_url %}{% set word = 'changed' %}{% endif %}{{ word }}",
    "{% set it = namespace(n=0) %}{% for p in anchor_products %}{% set it.n = it.n + 1 %}{% endfor %}{{ it.n }}",
    "{% macro greet(who) %}<{{ who }} of {{ shop_name }}>{% endmacro %}{{ greet(customer_name) }}{{ greet('a') }}",
    "{% with who = family_name %}[{{ who }}]{% endwith %}",
    "{% filter upper %}{{ shop_name }} {{ family_name }}{% endfilter %}",
    "{% set block %}{{ customer_name }}!{% endset %}{{ block }}",
    "{{ unsubscribe_url }}",
    "{# nothing #}",
    "{% raw %}{{ raw }}{% endraw %}",
)
# One line, and no line breaks: what a subject may hold.
HEAD_PIECES = tuple(piece for piece in PLAIN_PIECES if "\n" not in piece)
HTML_PIECES = (*(piece for piece in PLAIN_PIECES if "<{{" not in piece), "{{ subject }}", "<b>{{ preheader }}</b>")


def written(pieces: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(pieces), min_size=1, max_size=6).map("".join)


TYPED = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        (
            "",
            " ",
            "Taro",
            "山田　花子",
            "O'Brien & <sons>",
            "{{ 7*7 }}{% for x in y %}",
            "</title><script>alert(1)</script>",
            "-0- {0} %s <% %> [shared]",
            "a\x1fb\x00\r\nBcc: c@shop.invalid",
            "山\u202e花\ud800",
            "long " * 300,
            "長" * 1000,
        )
    ),
)
LINKS = st.uuids().map(lambda number: f"https://shop.invalid/unsubscribe/{number}")
CUSTOMERS = st.builds(
    lambda **typed: sample_variables()._replace(**typed),
    customer_name=TYPED,
    family_name=TYPED,
    given_name=TYPED,
    unsubscribe_url=LINKS,
    anchor_date=st.dates(date(1970, 1, 1), date(2100, 1, 1)),
    anchor_products=st.lists(TYPED, max_size=3).map(tuple),
    offered_products=st.lists(TYPED, max_size=2).map(tuple),
)


@lru_cache
def temporary() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="ekiden-contents-")


@lru_cache
def folder() -> Path:
    made = Path(temporary().name)
    (made / "layout").mkdir()
    (made / "offer").mkdir()
    (made / "layout" / "en.mjml").write_text(LAYOUT_HTML)
    (made / "layout" / "en.txt").write_text(LAYOUT_TEXT)
    return made


def content(text: str = "Text", html: str | None = None, subject: str = "Hello", preheader: str = "") -> StepContent:
    head = f"Subject: {subject}\nPreheader: {preheader}\nLanguage: en\n\n"
    (folder() / "offer" / "step_1.txt").write_text(head + text)
    mjml = folder() / "offer" / "step_1.mjml"
    mjml.unlink(missing_ok=True)
    if html is not None:
        mjml.write_text(f"<mj-section><mj-column><mj-text>{html}</mj-text></mj-column></mj-section>")
    return load_content(folder(), "offer/step_1")


def outcome(make: object, step: StepContent, customer: MessageVariables) -> RenderedMessage | str:
    try:
        return make(step, customer)
    except ContentFault as fault:
        return str(fault)


def said(message: RenderedMessage) -> tuple[object, ...]:
    return message.subject, message.text, message.html, message.content_hash


def assert_right(step: StepContent, customers: list[MessageVariables]) -> None:
    """Whatever the short way makes is what the long way makes, and what `shared` and `values` say."""
    in_common, of_offers = [], {}
    for customer in customers:
        long = outcome(render_whole, step, customer)
        for one_offer in (False, True):
            short = outcome(partial(render, one_offer=one_offer), step, customer)
            if isinstance(short, str) or isinstance(long, str):
                assert short == long
                continue
            assert said(short) == said(long)
            if short.shared:
                in_common.append(short)
                offer = one_offer and customer.offered_products
                assert short.shared == of_offers.setdefault(offer, short.shared)
    for message in in_common:
        for one in (message, message.without_html()):
            assert len(one.values) == one.shared.holes
            assert all(type(value) is str for value in one.values)
            assert filled(one.shared.subject, one.values) == one.subject
            assert filled(one.shared.text, one.values) == one.text
            assert one.html == (None if one.shared.html is None else filled(one.shared.html, one.values))
            used = {piece for part in (one.shared.subject, one.shared.text, one.shared.html or ()) for piece in part}
            assert {piece for piece in used if isinstance(piece, int)} == set(range(one.shared.holes))


@settings(max_examples=60)
@given(
    subject=written(HEAD_PIECES),
    preheader=written(HEAD_PIECES),
    text=written(PLAIN_PIECES),
    customers=st.lists(CUSTOMERS, min_size=2, max_size=4),
)
def test_a_text_mail_is_its_shared_content_filled_whatever_the_template(
    subject: str, preheader: str, text: str, customers: list[MessageVariables]
) -> None:
    try:
        step = content(text, subject=subject, preheader=preheader)
    except ContentFault:
        return
    assert_right(step, customers)


@settings(max_examples=25)
@given(
    html=written(HTML_PIECES),
    preheader=written(HEAD_PIECES),
    customers=st.lists(CUSTOMERS, min_size=2, max_size=4),
)
def test_an_html_mail_is_its_shared_content_filled_whatever_the_template(
    html: str, preheader: str, customers: list[MessageVariables]
) -> None:
    step = content(html=html, subject="Hi {{ given_name }}", preheader=preheader)
    assert_right(step, customers)


@settings(max_examples=60)
@given(name=st.sampled_from(content_names(PROJECT_ROOT / "content")), customers=st.lists(CUSTOMERS, min_size=2))
def test_a_shipped_mail_is_its_shared_content_filled_whoever_gets_it(
    name: str, customers: list[MessageVariables]
) -> None:
    assert_right(load_content(PROJECT_ROOT / "content", name), customers)


@pytest.mark.parametrize("name", content_names(PROJECT_ROOT / "content"))
def test_a_shipped_content_is_shared_by_customers_with_and_without_a_name(name: str) -> None:
    step = load_content(PROJECT_ROOT / "content", name)
    named = sample_variables()
    nameless = named._replace(customer_name="", family_name="", given_name="", anchor_products=())
    messages = [render(step, customer) for customer in (named, nameless)]
    assert messages[0].shared is not None
    assert messages[0].shared == messages[1].shared
    for message in messages:
        # a request has room for 10,000 bytes of values a recipient, names of holes included
        assert sum(len(value.encode()) for value in message.values) < 2_000
        assert message.shared.holes < 30


def test_the_shops_own_words_stand_still_and_the_link_is_sent_once() -> None:
    text = "Dear {{ customer_name }}{% if shop_url %} {{ shop_url }}{% endif %}"
    message = render(content(text, html="<p>{{ customer_name }} {{ unsubscribe_url }}</p>"), sample_variables())
    assert message.values == ("Hanako Yamada", "https://ekiden.invalid/unsubscribe/sample", "Hanako Yamada")
    assert (message.shared.text.count(1), message.shared.html.count(1)) == (1, 2)
    assert " https://ekiden.invalid/Ekiden Shop 1-1 Sample Street" in message.shared.text[2]


def test_a_link_that_html_writes_in_another_way_is_sent_in_both() -> None:
    customer = sample_variables()._replace(unsubscribe_url="https://shop.invalid/?a=1&b=2")
    message = render(content(html="x"), customer)
    assert message.values == ("https://shop.invalid/?a=1&b=2", "https://shop.invalid/?a=1&amp;b=2")


def test_another_shop_is_another_shared_content() -> None:
    step = content()
    one, other = (render(step, sample_variables()._replace(shop_name=name)) for name in ("One", "Other"))
    assert one.shared != other.shared
    assert one.shared.holes == other.shared.holes


def test_the_markup_of_a_name_is_escaped_in_the_value() -> None:
    customer = sample_variables()._replace(customer_name="<b>\x1f&")
    message = render(content("{{ customer_name }}", html="{{ customer_name }}"), customer)
    assert "<b> &" in message.values
    assert "&lt;b&gt; &amp;" in message.values


def test_a_name_that_makes_a_line_too_long_goes_alone_and_the_others_together() -> None:
    step = content(html="{{ customer_name }}")
    usual, long = (render(step, sample_variables()._replace(customer_name=name)) for name in ("A", "long " * 300))
    assert usual.shared is not None
    assert (long.shared, long.values) == (None, ())
    assert max(map(len, long.html.split("\n"))) <= 900


def test_many_short_lines_do_not_count_as_a_long_one() -> None:
    step = content(html="{% for product in anchor_products %}<p>{{ product }}</p>{% endfor %}")
    customer = sample_variables()._replace(anchor_products=tuple("tea" * 20 for _ in range(100)))
    assert render(step, customer).shared is not None


@pytest.mark.parametrize("text", ['{{ "\\x1f" }}{{ customer_name }}', '{% if 1 %}{{ "%c"|format(31) }}{% endif %}'])
def test_a_separator_that_an_author_makes_in_a_tag_is_noticed(text: str) -> None:
    assert_right(content(text), [sample_variables()])
    assert render(content(text), sample_variables()).shared is None


@pytest.mark.parametrize("text", ["{% block words %}{{ customer_name }}{% endblock %}", '{% extends "layout" %}'])
def test_a_template_that_does_not_show_its_pieces_is_rendered_as_a_whole(text: str) -> None:
    step = content(text)
    assert step.outline is None


def test_what_an_included_step_sets_ends_with_it() -> None:
    layout = folder() / "layout" / "en.txt"
    layout.write_text("{% set word = 'layout' %}" + LAYOUT_TEXT + "{{ word }}")
    try:
        step = content("{% set word = given_name %}{{ word }}")
        assert_right(step, [sample_variables()])
        assert render(step, sample_variables()).text.endswith("layout\n")
    finally:
        layout.write_text(LAYOUT_TEXT)


@pytest.mark.parametrize("character", ["\x1f", "\x00", "\x7f", "\x0b"])
def test_a_control_character_in_a_file_is_a_fault_with_its_line(character: str) -> None:
    with pytest.raises(ContentFault, match="invisible control character") as caught:
        content(f"one\ntwo{character}")
    assert (caught.value.path.name, caught.value.line) == ("step_1.txt", 6)


def test_half_a_character_that_a_tag_makes_is_a_fault() -> None:
    with pytest.raises(ContentFault, match="half of a character"):
        render(content('{{ "\\ud800" }}'), sample_variables())


def test_a_message_without_its_html_keeps_its_hash() -> None:
    message = render(content(html="{{ given_name }}"), sample_variables())
    alone = message.without_html()
    assert (alone.html, alone.content_hash, alone.text) == (None, message.content_hash, message.text)
    assert alone.shared == render(content(), sample_variables()).shared
    assert RenderedMessage("a", "b", "c", "d").without_html() == RenderedMessage("a", "b", None, "d")


@given(pieces=st.lists(st.one_of(st.sampled_from(("", " ", "a", " b ", "\n")), st.integers(0, 2)), max_size=8))
def test_stripping_the_ends_changes_no_word(pieces: list[str | int]) -> None:
    for values in (("x", "", " y "), ("", "", ""), (" ", "z", "\n")):
        ends = stripped(joined(pieces))
        text = "".join(
            piece if isinstance(piece, str) else values[piece] if isinstance(piece, int) else piece.value(values)
            for piece in ends
        )
        assert text.strip() == filled(joined(pieces), values).strip()

import pickle
import re
from errno import EACCES
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ekiden.content.render import (
    ContentFault,
    MessageVariables,
    StepContent,
    content_names,
    faults_of_content,
    load_content,
    render,
    sample_variables,
)
from ekiden.content.sources import mobile_variant
from ekiden.content.variables import harmless
from ekiden.settings import PROJECT_ROOT

FOOTER = "{{ shop_name }} {{ postal_address }} {{ contact_address }} {{ unsubscribe_url }}"
LAYOUT_HTML = f"""<mjml lang="en"><mj-head><mj-title>{{{{ subject }}}}</mj-title></mj-head><mj-body>
<mj-include path="step" />
<mj-section><mj-column><mj-text>{FOOTER}</mj-text></mj-column></mj-section>
</mj-body></mjml>
"""
LAYOUT_TEXT = '{% include "step" %}\n\n' + FOOTER + "\n"
HEAD = "Subject: Hello {{ customer_name }}\nPreheader: For {{ customer_name }}\nLanguage: en\n\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "layout" / "en.mjml", LAYOUT_HTML)
    write(tmp_path / "layout" / "en.txt", LAYOUT_TEXT)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def content(folder: Path, html: str | None, text: str = "Text", head: str = HEAD) -> StepContent:
    write(folder / "offer" / "step_1.txt", head + text)
    if html is not None:
        write(folder / "offer" / "step_1.mjml", html)
    return load_content(folder, "offer/step_1")


def column(html: str) -> str:
    return f"<mj-section><mj-column>\n{html}\n</mj-column></mj-section>"


def paragraph(html: str) -> str:
    return column(f"<mj-text>\n{html}\n</mj-text>")


def rendered_html(folder: Path, html: str, **changes: object) -> str:
    message = render(content(folder, html), sample_variables()._replace(**changes))
    assert message.html is not None
    return message.html


class Reader(HTMLParser):
    """What a mail program sees: elements, attributes, text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_jinja_survives_mjml_and_the_inliner_between_elements_in_attributes_and_in_rows(folder: Path) -> None:
    html = column(
        """{% for product in anchor_products %}<mj-text>P:{{ product }}</mj-text>{% endfor %}
        {% if step_no >= 1 and step_no < 2 and "}}" != '"' %}
        <mj-button href="{{ shop_url }}?a=1&amp;b={{ step_no }}">Go</mj-button>
        {% endif %}
        <mj-table><tbody>{% for n in range(3) %}<tr><td>row {{ n }}</td></tr>{% endfor
        %}</tbody></mj-table>"""
    )
    seen = Reader(rendered_html(folder, html, anchor_products=("one", "two"), shop_url="https://shop.invalid/"))
    assert re.findall(r"P:(one|two)", seen.text) == ["one", "two"]
    assert "https://shop.invalid/?a=1&b=1" in [attributes.get("href") for _, attributes in seen.elements]
    assert re.findall(r"row \d", seen.text) == ["row 0", "row 1", "row 2"]


def test_styles_of_the_head_are_inlined(folder: Path) -> None:
    write(
        folder / "layout" / "en.mjml",
        LAYOUT_HTML.replace("</mj-head>", "<mj-style>.red { color: #ff0000 }</mj-style></mj-head>"),
    )
    html = rendered_html(folder, paragraph('<span class="red">{{ customer_name }}</span>'))
    styles = [attributes.get("style") or "" for tag, attributes in Reader(html).elements if tag == "span"]
    assert len(styles) == 1
    assert "#ff0000" in styles[0]


NAMES = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "{{ 7*7 }}",
            "{% for x in range(9) %}",
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "--><b>",
            "A\r\nBcc: everybody@shop.invalid",
            "ekiden-tag-0-",
            "<!--ekiden-tag-0-->",
            "山田\u202e花子",
            "\ud800",
            "&amp;lt;",
        ]
    ),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES)
def test_a_name_is_shown_and_does_nothing(folder: Path, name: str) -> None:
    html = column(
        '<mj-text>[{{ customer_name }}]</mj-text><mj-button href="{{ shop_url }}?n={{ customer_name }}">x</mj-button>'
    )
    step = content(folder, html, text="[{{ customer_name }}]")
    plain = render(step, sample_variables()._replace(customer_name="x"))
    message = render(step, sample_variables()._replace(customer_name=name))
    shown = harmless(name)
    assert message.text.split("\n")[0] == f"[{shown}]"
    assert message.subject == f"Hello {shown}".strip()
    assert len(message.text.split("\n")) == len(plain.text.split("\n"))
    expected, seen = Reader(plain.html or ""), Reader(message.html or "")
    assert [tag for tag, _ in seen.elements] == [tag for tag, _ in expected.elements]
    assert f"[{shown}]" in seen.text.replace("\n", " ")
    links = [attributes["href"] for tag, attributes in seen.elements if tag == "a"]
    assert links == [f"https://ekiden.invalid/?n={shown}"]


def test_only_what_the_customer_gets_makes_the_hash(folder: Path) -> None:
    step = content(folder, paragraph("Hello {{ customer_name }}"), text="Hello {{ customer_name }}")
    one = render(step, sample_variables())
    assert one == render(step, sample_variables()._replace(step_no=7))
    assert one.content_hash != render(step, sample_variables()._replace(customer_name="Taro")).content_hash
    assert len(one.content_hash) == 64


@pytest.mark.parametrize("letters", [1, 2_046, 2_047, 2_048, 10_000])
def test_the_hash_is_of_the_whole_however_long_it_is(folder: Path, letters: int) -> None:
    message = render(content(folder, None, text="x" * letters), sample_variables())
    parts = (message.subject.encode(), message.text.encode())
    whole = b"".join(b"%d:%b" % (len(part), part) for part in parts) + b"-:"
    assert message.content_hash == sha256(whole).hexdigest()


def test_an_edited_file_counts_from_the_next_load_on(folder: Path) -> None:
    first = content(folder, None, text="One")
    assert load_content(folder, "offer/step_1") is first
    second = content(folder, None, text="Two")
    assert render(second, sample_variables()).text.startswith("Two")
    assert first.content_hash != second.content_hash
    write(folder / "layout" / "en.txt", LAYOUT_TEXT + "More\n")
    assert load_content(folder, "offer/step_1").content_hash != second.content_hash


def test_a_content_without_html_is_a_text_mail(folder: Path) -> None:
    message = render(content(folder, None), sample_variables())
    assert message.html is None
    assert message.text.startswith("Text\n")


def test_windows_line_ends_and_a_byte_order_mark_are_understood(folder: Path) -> None:
    content(folder, None)
    (folder / "offer" / "step_1.txt").write_bytes(("\ufeff" + HEAD + "One\nTwo").replace("\n", "\r\n").encode())
    message = render(load_content(folder, "offer/step_1"), sample_variables())
    assert message.text.startswith("One\nTwo\n")


def test_a_long_line_is_folded_at_a_space_and_only_there(folder: Path) -> None:
    html = rendered_html(folder, paragraph("{{ customer_name }}"), customer_name="word " * 1000)
    assert max(map(len, html.split("\n"))) <= 900
    assert Reader(html).text.split().count("word") >= 1000


def test_a_long_line_without_a_space_is_refused(folder: Path) -> None:
    step = content(folder, paragraph("{{ customer_name }}"))
    with pytest.raises(ContentFault, match=r"step_1\.mjml: .*too long.*R-148"):
        render(step, sample_variables()._replace(customer_name="あ" * 901))


def test_a_long_line_is_folded_at_the_end_of_its_tag_rather_than_within_a_style(folder: Path) -> None:
    font = "font-family: Meiryo, 'Noto Sans JP'"
    for name in ("あ" * 840, "あ" * 830 + " ！"):
        html = rendered_html(folder, paragraph(f'<p style="{font}">{{{{ customer_name }}}}</p>'), customer_name=name)
        assert max(map(len, html.split("\n"))) <= 900
        seen = Reader(html)
        (style,) = [each["style"] for tag, each in seen.elements if tag == "p"]
        assert "font-family: Meiryo, 'Noto Sans JP'" in style
        assert name in seen.text.replace("\n", " ")


def test_a_long_value_in_quotes_is_folded_rather_than_refused(folder: Path) -> None:
    image = '<mj-image src="https://shop.invalid/a.png" alt="{{ customer_name }}" />'
    html = rendered_html(folder, column(image), customer_name="word " * 300)
    (alt,) = [attributes["alt"] for tag, attributes in Reader(html).elements if tag == "img"]
    assert alt.split() == ["word"] * 300


def test_comments_of_the_author_are_not_sent(folder: Path) -> None:
    html = rendered_html(folder, paragraph("<!-- {{ nobody }} \n {% if %} secret -->shown{# secret #}"))
    assert "secret" not in html
    assert "shown" in html


def test_what_is_for_all_mail_programs_but_one_is_sent(folder: Path) -> None:
    conditional = "<!--[if !mso]><!--><tr><td>others {{ step_no }}</td></tr><!--<![endif]--><!-- secret -->"
    html = rendered_html(folder, column(f"<mj-raw>{conditional}</mj-raw>"))
    assert re.search(r"<!--\[if !mso\]><!--><tr\s*><td\s[^>]*>others 1</td></tr><!--<!\[endif\]-->", html)
    assert "secret" not in html


def test_a_block_within_what_is_for_one_mail_program_is_shown_by_no_other(folder: Path) -> None:
    conditional = "<!--[if mso]><p>{% if step_no %}for {{ customer_name }}{% endif %}</p><![endif]-->"
    html = rendered_html(folder, column(f"<mj-raw>{conditional}</mj-raw>"), customer_name="a-->b")
    assert "<!--[if mso]><p>for a--&gt;b</p><![endif]-->" in html
    assert "for a" not in Reader(html).text


FAULTS = {
    "unknown variable": (
        paragraph("{{ custmer_name }}"),
        3,
        "no variable 'custmer_name'; there are: .*customer_name",
    ),
    "syntax": (paragraph("\n{% if step_no %}"), 4, "Unexpected end"),
    "escaping off": (paragraph("{% autoescape false %}x{% endautoescape %}"), 3, "cannot be switched off"),
    "safe": (paragraph("{{ customer_name|safe }}"), 3, "no filter 'safe'"),
    "clock": (paragraph("{{ anchor_date.today().year }}"), 3, "today says another time at each rendering"),
    "mismatched": ("<mj-section>\n<mj-column>\n</mj-section>", 3, "mismatched tag"),
    "unknown element": (column("<mj-txt>x</mj-txt>"), 2, "no element <mj-txt>"),
    "lost": (column('<mj-text\nfoo="{{ step_no }}">x</mj-text>'), 3, "stands where MJML keeps no text"),
    "include": ('<mj-include path="/etc/passwd" />', None, "cannot include other files"),
    "unknown test": (paragraph("{{ customer_name is blank }}"), 3, "No test named 'blank'; see docs"),
    "reserved name": (paragraph("{% for loop in anchor_products %}x{% endfor %}"), 3, "special loop variable"),
    "a variable set anew": (paragraph("{% set shop_name = 'Sale' %}"), 3, "'shop_name' is a variable of Ekiden's"),
    "a variable set anew as a block": (paragraph("\n{% set unsubscribe_url %}x{% endset %}"), 4, "'unsubscribe_url'"),
    "a variable set anew within": (paragraph("{% if 1 %}{% set shop_url = '' %}{% endif %}"), 3, "choose another name"),
    "a variable set anew by a pair": (paragraph("{% set a, postal_address = 1, '' %}"), 3, "'postal_address' is"),
    "a macro called like a variable": (paragraph("{% macro subject() %}{% endmacro %}"), 3, "'subject' is a variable"),
    "empty": ("\n", None, "the HTML part is empty; write its sections, or remove the file"),
    "comments alone": ("<!-- later -->\n{# and\nmore #}\n", None, "the HTML part is empty"),
    "block twice": (
        paragraph("{% block a %}{% endblock %}\n{% block a %}{% endblock %}"),
        4,
        "block 'a' defined twice",
    ),
    "argument twice": (paragraph("{{ dict(a=1, a=2) }}"), None, "keyword argument repeated: a; see docs"),
    "too deep": (paragraph("{{ " + "(" * 900 + "1" + ")" * 900 + " }}"), None, "nested too deeply"),
    "too deep in a row": (paragraph("{{ 1" + "+1" * 3000 + " }}"), None, "nested too deeply"),
    "too large a number": (paragraph("{{ " + "1" * 5000 + " }}"), None, r"cannot be compiled \(ValueError\)"),
}


@pytest.mark.parametrize(("html", "line", "said"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_of_the_html_names_file_line_and_way_out(folder: Path, html: str, line: int, said: str) -> None:
    with pytest.raises(ContentFault, match=f"(?s){said}") as caught:
        content(folder, html)
    assert caught.value.path == folder / "offer" / "step_1.mjml"
    assert caught.value.line == line


STYLES = {
    "no value": ('<p\nstyle="color:red; bold">x</p>', '<p style="color:red; bold"> has a style that cannot be read'),
    "no colon": ('\n<ul style="padding-left 3px;"><li>x</li></ul>', 'write it like style="color: red'),
    "a tag": ('\n<p style="{{ step_no }}">x</p>', '<p style="{{ step_no }}"> has a style'),
}


@pytest.mark.parametrize(("html", "said"), STYLES.values(), ids=STYLES.keys())
def test_a_style_that_cannot_be_read_is_a_fault_where_the_layout_has_one_for_its_element(
    folder: Path, html: str, said: str
) -> None:
    styles = "<mj-style>p, ul { margin: 0 }</mj-style>"
    write(folder / "layout" / "en.mjml", LAYOUT_HTML.replace("</mj-head>", f"{styles}</mj-head>"))
    # nothing is added to it, and nothing is wrong with it
    unread = '<b style="{{ step_no }}">x</b>'
    content(folder, paragraph(unread))
    with pytest.raises(ContentFault, match=re.escape(said)) as caught:
        content(folder, paragraph(unread + html))
    assert (caught.value.path.name, caught.value.line) == ("step_1.mjml", html.index("<") + 3)


def test_what_is_wrong_with_the_step_within_its_layout_alone_is_a_fault_too(folder: Path) -> None:
    block = "{% block a %}{% endblock %}"
    write(folder / "layout" / "en.mjml", LAYOUT_HTML.replace(FOOTER, FOOTER + block))
    with pytest.raises(ContentFault, match="block 'a' defined twice") as caught:
        content(folder, paragraph(block))
    assert (caught.value.path.name, caught.value.line) == ("en.mjml", 3)


def test_whatever_keeps_a_content_from_being_compiled_is_a_fault_of_this_content(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("nobody thought of it")

    monkeypatch.setattr("ekiden.content.render.compile_html", broken)
    with pytest.raises(ContentFault, match=r"step_1\.txt: it cannot be compiled \(RuntimeError\)"):
        content(folder, paragraph("x"))


HEAD_FAULTS = {
    "no subject": ("Language: en\n\nText", 1, "a subject is needed"),
    "no language": ("Subject: x\n\nText", 1, "the language is missing"),
    "language": ("Subject: x\nLanguage: ../en\n\nText", 2, "is not a language"),
    "unknown field": ("Subject: x\nSubjct: y\n\nText", 2, "expected 'Subject: ...'"),
    "twice": ("Subject: x\nSubject: y\n\nText", 2, "a second time"),
    "no end": ("Subject: x\nLanguage: en", 2, "the text is missing"),
    "nothing after the head": ("Subject: x\nLanguage: en\n", 3, "the text is missing"),
    "blank lines after the head": ("Subject: x\nLanguage: en\n\n \n\n", 3, "the text is missing"),
    "variable set anew in the text": ("Subject: x\nLanguage: en\n\nText\n{% set step_no = 2 %}", 5, "'step_no' is a"),
    "variable set anew in the subject": ("Language: en\nSubject: {% set step_no = 2 %}x\n\nText", 2, "'step_no' is a"),
    "variable in the subject": ("Language: en\nSubject: {{ who }}\n\nText", 2, "no variable 'who'"),
    "subject in the subject": ("Language: en\nSubject: {{ subject }}\n\nText", 2, "no variable 'subject'"),
    "variable in the text": ("Subject: x\nLanguage: en\n\nText\n{{ who }}", 5, "no variable 'who'"),
    "open tag in the subject": ("Language: en\nSubject: {{ step_no }\n\nText", 2, "unexpected '}'"),
    "filter in the subject": ("Language: en\nSubject: {{ step_no|safe }}\n\nText", 2, "no filter 'safe'"),
    "block in the preheader": ("Subject: x\nPreheader: {% if 1 %}\nLanguage: en\n\nText", 2, "Unexpected end"),
    "test in the text": ("Subject: x\nLanguage: en\n\nText\n{{ step_no is blank }}", 5, "No test named 'blank'"),
}


@pytest.mark.parametrize(("text", "line", "said"), HEAD_FAULTS.values(), ids=HEAD_FAULTS.keys())
def test_a_fault_of_the_text_names_file_line_and_way_out(folder: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(ContentFault, match=said) as caught:
        content(folder, None, text=text, head="")
    assert (caught.value.path, caught.value.line) == (folder / "offer" / "step_1.txt", line)


RENDERING_FAULTS = {
    "html": (paragraph("\n{{ anchor_date.yaer }}"), "Text", "step_1.mjml", 4),
    "text": (None, "Text\n{{ anchor_products[3] }}", "step_1.txt", 6),
    "clock": (None, "{% set day = anchor_date %}\n{{ day.today() }}", "step_1.txt", 6),
    "parentheses": (paragraph("{{ customer_name.upper }}"), "Text", "step_1.mjml", 3),
    "parentheses in the text": (None, "Text\n{{ anchor_date.isoformat }}", "step_1.txt", 6),
    "sandbox": (paragraph("{{ anchor_date.__class__.__mro__ }}"), "Text", "step_1.mjml", 3),
}


@pytest.mark.parametrize(("html", "text", "file", "line"), RENDERING_FAULTS.values(), ids=RENDERING_FAULTS.keys())
def test_what_fails_while_rendering_is_found_in_the_authors_file(
    folder: Path, html: str | None, text: str, file: str, line: int
) -> None:
    step = content(folder, html, text)
    with pytest.raises(ContentFault, match="rendering failed") as caught:
        render(step, sample_variables())
    assert (caught.value.path.name, caught.value.line) == (file, line)


@pytest.mark.parametrize(
    "tag",
    [
        "{{ {'Yamada': 'gold'}[family_name] }}",
        "{{ {'Yamada': 'gold'}[family_name|reverse] }}",
        "{{ {}[(family_name, 1)] }}",
        "{{ shop_name[anchor_products[0]] }}",
        "{% macro greet() %}{% endmacro %}{{ greet(**{family_name: 1}) }}",
        # the author's word holds the customer's
        "{{ {'Sleeve': 1}[given_name] }}",
    ],
)
def test_what_fails_while_rendering_is_said_without_the_customers_data(folder: Path, tag: str) -> None:
    names = {"family_name": "秘'密\"田", "given_name": "lee", "anchor_products": ("秘薬",)}
    in_subject = f"Subject: {tag}\nLanguage: en\n\n"
    for html, text, head in ((None, "Text", in_subject), (None, tag, HEAD), (paragraph(tag), "Text", HEAD)):
        step = content(folder, html, text, head)
        with pytest.raises(ContentFault, match=r"(UndefinedError|TypeError): .*'…'") as caught:
            render(step, sample_variables()._replace(**names))
        assert not re.search("[秘密田薬]|lee", caught.value.problem)


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("{{ anchor_date.yaer }}", "'datetime.date object' has no attribute 'yaer'"),
        ("{{ anchor_products[3] }}", "tuple object has no element 3"),
        ("{{ 1 + shop_name }}", "unsupported operand type(s) for +: 'int' and 'str'"),
        ("{{ shop_name() }}", "'str' object is not callable"),
        ("{{ customer_name.upper }}", "a function is no text; write () behind its name"),
        ("{% macro greet() %}Hello{% endmacro %}{{ greet }}", "a function is no text; write () behind its name"),
    ],
)
def test_what_fails_while_rendering_is_said_with_the_authors_own_words(folder: Path, tag: str, said: str) -> None:
    with pytest.raises(ContentFault, match=re.escape(said)):
        render(content(folder, None, tag), sample_variables())


def test_names_of_the_authors_own_may_be_set(folder: Path) -> None:
    text = (
        "{% set word = shop_name %}{% for item in anchor_products %}{{ item }}{% set last = item %}{% endfor %}"
        "{% macro greet(customer_name) %}{{ customer_name }}!{% endmacro %}{{ greet('Taro') }}{{ word }}"
    )
    message = render(content(folder, paragraph(text), text), sample_variables()._replace(anchor_products=("a", "b")))
    assert message.text.startswith("abTaro!Ekiden Shop\n")
    assert "abTaro!Ekiden Shop" in (message.html or "")


def test_an_empty_subject_is_refused(folder: Path) -> None:
    step = content(folder, None, head="Subject: {{ customer_name }}\nLanguage: en\n\n")
    with pytest.raises(ContentFault, match="the subject is empty"):
        render(step, sample_variables()._replace(customer_name="\r\n"))


@pytest.mark.parametrize("word", ["shop_name", "postal_address", "contact_address", "unsubscribe_url"])
@pytest.mark.parametrize("file", ["en.txt", "en.mjml"])
def test_a_layout_that_leaves_out_what_the_law_asks_for_is_refused(folder: Path, word: str, file: str) -> None:
    layout = folder / "layout" / file
    layout.write_text(layout.read_text().replace("{{ %s }}" % word, ""))  # noqa: UP031 - braces
    with pytest.raises(ContentFault, match=f"{file}: the law asks for .*{word}"):
        content(folder, paragraph("x"))


def test_a_layout_without_a_place_for_the_step_is_refused(folder: Path) -> None:
    write(folder / "layout" / "en.mjml", LAYOUT_HTML.replace('<mj-include path="step" />', ""))
    with pytest.raises(ContentFault, match=r"en\.mjml: the layout has no place for the step"):
        content(folder, paragraph("x"))


def test_html_without_text_is_refused_and_yet_listed(folder: Path) -> None:
    write(folder / "offer" / "step_2.mjml", paragraph("x"))
    assert content_names(folder) == ("offer/step_2",)
    with pytest.raises(ContentFault, match=r"step_2\.txt: .*needs its text part"):
        load_content(folder, "offer/step_2")


@pytest.mark.parametrize("name", ["../etc/passwd", "offer", "offer/../x", "/etc/passwd", "offer/step_1.txt", ""])
def test_a_name_that_is_none_reads_no_file(folder: Path, name: str) -> None:
    with pytest.raises(ContentFault, match="not a content's name"):
        load_content(folder, name)


def test_a_file_that_is_not_utf_8_is_said_to_be_so(folder: Path) -> None:
    content(folder, None)
    (folder / "offer" / "step_1.txt").write_bytes(HEAD.encode() + "\n日本語".encode("shift_jis"))
    with pytest.raises(ContentFault, match=r"step_1\.txt:6: .*UTF-8"):
        load_content(folder, "offer/step_1")


def test_a_file_that_cannot_be_read_is_a_fault_of_this_content_alone(folder: Path) -> None:
    (folder / "offer" / "step_1.txt").mkdir(parents=True)
    with pytest.raises(ContentFault, match=r"step_1\.txt: it cannot be read \(Is a directory\)"):
        load_content(folder, "offer/step_1")


def test_what_is_no_ordinary_file_is_a_fault_and_is_not_read(folder: Path) -> None:
    content(folder, None)
    path = folder / "offer" / "step_1.txt"
    path.unlink()
    # a pipe would be waited for, and /dev/zero never end
    path.symlink_to("/dev/null")
    with pytest.raises(ContentFault, match=r"step_1\.txt: this is no ordinary file"):
        load_content(folder, "offer/step_1")


def test_a_name_that_is_too_long_for_a_file_is_that_of_no_content(folder: Path) -> None:
    content(folder, None)
    with pytest.raises(ContentFault, match=r"there is no such file; .*offer/step_1"):
        load_content(folder, "offer/" + "a" * 300)
    assert mobile_variant(folder, "offer/" + "a" * 245) is None


def test_a_folder_that_may_not_be_entered_is_a_fault_of_its_contents_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(EACCES, "Permission denied")

    content(folder, None)
    monkeypatch.setattr(Path, "stat", refused)
    monkeypatch.setattr(Path, "exists", refused)
    with pytest.raises(ContentFault, match=r"step_1\.txt: it cannot be read \(Permission denied\)"):
        load_content(folder, "offer/step_1")


def test_all_that_is_wrong_with_the_names_in_a_contents_tags_is_told_at_once(folder: Path) -> None:
    head = "Subject: {{ foo }}{{ subject }}\nPreheader: {{ bar|safe }}\nLanguage: en\n\n"
    text = "{{ baz }}\n{% set step_no = 2 %}{{ baz }}\n{{ anchor_date.today() }}{{ baz }}{{ baz }}"
    html = paragraph("<!-- {{ unseen }} -->{{ qux }}\n{% autoescape false %}x{% endautoescape %}") + "<mj-section>"
    with pytest.raises(ContentFault) as first:
        content(folder, html, text, head)
    write(folder / "layout" / "en.txt", LAYOUT_TEXT.replace("{{ postal_address }}", "{{ address }}"))
    faults = faults_of_content(folder, "offer/step_1")
    assert [(fault.path.name, fault.line, fault.problem.split(";")[0]) for fault in faults] == [
        ("step_1.txt", 1, "there is no variable 'foo'"),
        ("step_1.txt", 1, "there is no variable 'subject'"),
        ("step_1.txt", 2, "there is no filter 'safe' here"),
        ("step_1.txt", 2, "there is no variable 'bar'"),
        ("step_1.txt", 5, "there is no variable 'baz'"),
        ("step_1.txt", 6, "'step_no' is a variable of Ekiden's"),
        ("step_1.txt", 6, "there is no variable 'baz'"),
        ("step_1.txt", 7, "today says another time at each rendering"),
        ("step_1.txt", 7, "there is no variable 'baz'"),
        ("en.txt", 3, "there is no variable 'address'"),
        ("step_1.mjml", 3, "there is no variable 'qux'"),
        ("step_1.mjml", 4, "escaping cannot be switched off"),
    ]
    assert str(first.value) in map(str, faults)


def test_of_anything_else_the_first_thing_that_is_wrong_with_a_content_is_told(folder: Path) -> None:
    with pytest.raises(ContentFault):
        content(folder, "<mj-section>")
    (fault,) = faults_of_content(folder, "offer/step_1")
    assert "mismatched tag" in fault.problem
    (fault,) = faults_of_content(folder, "offer/step_2")
    assert "there is no such file" in fault.problem
    content(folder, paragraph("x"))
    assert faults_of_content(folder, "offer/step_1") == []


def test_a_fault_survives_the_way_from_a_worker_process() -> None:
    fault = pickle.loads(pickle.dumps(ContentFault(Path("a.txt"), 3, "wrong")))
    assert (str(fault), fault.line) == ("a.txt:3: wrong", 3)


def test_entities_of_html_are_understood(folder: Path) -> None:
    assert "©" in unescape(rendered_html(folder, paragraph("&copy;&nbsp;x")))


def test_variables_are_what_the_class_says() -> None:
    assert isinstance(sample_variables(), MessageVariables)


def test_the_steps_sections_are_as_wide_as_the_layouts() -> None:
    shipped = load_content(PROJECT_ROOT / "content", "first_purchase_follow_up/step_1")
    html = render(shipped, sample_variables()).html or ""
    # header, step and footer: a section that does not know the body's width fills the window
    assert html.count("max-width:600px") + html.count("max-width: 600px") >= 3

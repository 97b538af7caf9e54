"""The HTML part: MJML compiled and CSS inlined once per template, so that one message costs Jinja2 alone.

Jinja2 tags are taken out before MJML and the inliner see the text, and put back afterwards: both rewrite what
they read (`>` becomes `&gt;`, text between table rows moves), and a rewritten tag is a broken tag. A `{{
value }}` is hidden as a word, which may stand in text and in attributes; a `{% block %}` as an HTML comment,
which may stand wherever an element may, also between the rows of a table. Does not belong here: filling a template
(`render`), and the plain text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from css_inline import CSSInliner, InlineError
from jinja2 import Template, TemplateSyntaxError
from mjml import mjml2html

from ekiden.content.faults import ContentFault
from ekiden.content.sources import Source
from ekiden.content.templates import environment, said_of_syntax

LONGEST_LINE = 900  # characters, after substitution; a longer line is not delivered
_PLACE_OF_STEP = re.compile(r'<mj-include\s+path="step"\s*/>')
# Not conditional ones, nor `<!-->`, which ends the head of one that is for all other mail programs
_AUTHORS_COMMENT = re.compile(r"<!--(?!\[if|<!\[endif|>).*?-->", re.DOTALL)
_HIDDEN = re.compile(r"<!--ekiden-tag-(\d+)-->|ekiden-tag-(\d+)-")
_OPENING_TAG = re.compile(r"<([a-z][a-z0-9]*) ")
_STYLE_SHEET = re.compile(r"<style.*?</style>", re.DOTALL)
# It may go over several lines, and what is quoted in it may hold anything.
_TAG = re.compile(r"""<(?:[^<>"']|"[^"]*"|'[^']*')*+>""")
_LONG_TAG = re.compile(r"<(?!!).*\n.*(?<!/)>", re.DOTALL)
_END_OF_TAG = "\x1f"  # no value contains it (`harmless`), nor any file (`sources.py`)
# A condition for some mail programs, `<!--[if mso | IE]>`, is kept as well.
_QUOTED = re.compile(r"""\A<!.*|"[^"]*"|'[^']*'""", re.DOTALL)


@dataclass(frozen=True)
class HtmlPart:
    """A compiled HTML part, and for each of its lines the place in the author's files it came from."""

    source: Source
    """What `template` is compiled from."""
    template: Template
    places: tuple[tuple[Path, int] | None, ...]

    def place(self, compiled_line: int | None) -> tuple[Path, int] | None:
        """Return file and line of the last tag up to `compiled_line` (from 1), None where there is none."""
        return _last_place(self.places, compiled_line)


@dataclass(frozen=True)
class _Tag:
    text: str
    path: Path
    line: int


def without_comments(source: Source) -> Source:
    """Return `source` without HTML comments, its lines where they were: comments are for authors."""
    text = _AUTHORS_COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), source.text)
    return Source(source.path, text, source.first_line)


def compile_html(step: Source, layout: Source) -> HtmlPart:
    """Return the HTML part of `step` in `layout`, whose names are checked already; raise `ContentFault`."""
    tags: list[_Tag] = []
    hidden = {source.path: _hide_tags(without_comments(source), tags) for source in (layout, step)}
    # comments alone are nothing, too
    if not hidden[step.path].strip():
        raise ContentFault(step.path, None, "the HTML part is empty; write its sections, or remove the file")
    html = _compile_mjml(step, layout, hidden)
    _refuse_unknown_elements(html, (step, layout))
    try:
        inlined = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False).inline(html)
    except InlineError as error:
        raise _style_fault(error, html, (step, layout), hidden, tags) from None
    # Each element begins a line of its own kind, inside its tag, where a line break changes nothing that is
    # shown: lines stay far below the limit, and a fault's line says something.
    lines = _OPENING_TAG.sub(r"<\1\n", inlined).split("\n")
    _refuse_lost_tags(lines, tags)
    compiled = Source(step.path, "\n".join(_restore_tags(line, tags) for line in lines))
    places = tuple(_first_place(line, tags) for line in lines)
    try:
        template = environment(autoescape=True, sources={"html": compiled}).get_template("html")
    except Exception as error:
        # each file is right by itself: both have a block of one name, or together they are nested too deeply
        line = error.lineno if isinstance(error, TemplateSyntaxError) else None
        path, place = _last_place(places, line) or (step.path, None)
        raise ContentFault(path, place, f"{said_of_syntax(error)}; see docs/contents.md") from None
    return HtmlPart(compiled, template, places)


def _hide_tags(source: Source, tags: list[_Tag]) -> str:
    """Return the text of `source` with its Jinja2 tags hidden, and append what was hidden to `tags`."""
    hidden = ""
    for piece in _pieces(source.text):
        if piece.kind == "data":
            hidden += piece.text
            continue
        if piece.kind != "comment":
            in_element = hidden.rfind("<") > hidden.rfind(">")
            # a conditional one: a comment within would end it, and what is for one mail program be shown by all
            in_comment = hidden.rfind("<!--") > hidden.rfind("-->")
            as_word = piece.kind == "variable" or in_element or in_comment
            hidden += f"ekiden-tag-{len(tags)}-" if as_word else f"<!--ekiden-tag-{len(tags)}-->"
            tags.append(_Tag(piece.text.replace("\n", " "), source.path, source.first_line + piece.line - 1))
        hidden += "\n" * piece.text.count("\n")  # so that a line number of MJML is the author's
    return hidden


@dataclass(frozen=True)
class _Piece:
    kind: str  # "data", "variable", "block", "comment" or "raw"
    text: str
    line: int


def _pieces(text: str) -> Iterator[_Piece]:
    """Yield `text` cut into Jinja2's tags and what stands between them."""
    tag, line = "", 1
    for token_line, token, value in environment(autoescape=True).lex(text):
        kind, _, end = token.partition("_")
        if token == "data" or kind == "raw":
            yield _Piece(kind, value, token_line)
        elif end == "end":
            yield _Piece(kind, tag + value, line)
            tag = ""
        else:
            line = line if tag else token_line
            tag += value


def _compile_mjml(step: Source, layout: Source, hidden: dict[Path, str]) -> str:
    if not _PLACE_OF_STEP.search(hidden[layout.path]):
        way_out = 'write <mj-include path="step"/> where the step belongs'
        raise ContentFault(layout.path, None, f"the layout has no place for the step; {way_out}")
    if re.search(r"<mj-include\b", hidden[step.path]):
        raise ContentFault(step.path, None, "a step cannot include other files; put shared parts into the layout")
    # put together as text: MJML's own include does not tell the included part how wide the body is
    whole = _PLACE_OF_STEP.sub(lambda _: hidden[step.path], hidden[layout.path])
    try:
        # fonts={}: none is fetched by the customer's mail program from somebody else's server
        return mjml2html(whole, fonts={})
    except ValueError as error:
        raise _mjml_fault(error, (step, layout), hidden) from None


def _mjml_fault(error: ValueError, sources: tuple[Source, ...], hidden: dict[Path, str]) -> ContentFault:
    """Return MJML's complaint with the place it does not name: where the text stops being well formed."""
    for source in sources:
        text = re.sub(r"&\w+;", " ", hidden[source.path])  # entities that XML does not know, and HTML does
        root = f"<step>{text}</step>" if source is sources[0] else text
        try:
            expat.ParserCreate().Parse(root, True)
        except expat.ExpatError as place:
            way_out = "close every element in the order it was opened, write < as &lt; and <br> as <br/>"
            problem = f"{expat.errors.messages[place.code]}; {way_out}"
            return ContentFault(source.path, place.lineno, problem)
    return ContentFault(sources[0].path, None, f"MJML does not understand it: {error}")


def _style_fault(
    error: InlineError, html: str, sources: tuple[Source, ...], hidden: dict[Path, str], tags: list[_Tag]
) -> ContentFault:
    """Return the inliner's complaint with the place it does not name: the element that it cannot style by itself."""
    way_out = 'write it like style="color: red; padding: 0"'
    sheets = "".join(_STYLE_SHEET.findall(html))
    for source in sources:
        for element in _TAG.finditer(hidden[source.path]):
            try:
                CSSInliner(load_remote_stylesheets=False).inline(sheets + element[0])
            except InlineError:
                line = hidden[source.path].count("\n", 0, element.start()) + 1
                shown = " ".join(_restore_tags(element[0], tags).split())
                return ContentFault(source.path, line, f"{shown} has a style that cannot be read; {way_out}")
    return ContentFault(sources[0].path, None, f"a style cannot be read ({error}); {way_out}")


def _refuse_unknown_elements(html: str, sources: tuple[Source, ...]) -> None:
    left = re.search(r"<(mj-[a-z-]*)", html)
    if not left:
        return
    for source in sources:
        before, found, _ = source.text.partition(f"<{left[1]}")
        if found:
            line = before.count("\n") + 1
            raise ContentFault(source.path, line, f"MJML has no element <{left[1]}> here; see documentation.mjml.io")


def _refuse_lost_tags(lines: list[str], tags: list[_Tag]) -> None:
    kept = {int(found[1] or found[2]) for line in lines for found in _HIDDEN.finditer(line)}
    for number, tag in enumerate(tags):
        if number not in kept:
            way_out = "put it inside mj-text, mj-raw, an attribute that is shown, or between two elements"
            raise ContentFault(tag.path, tag.line, f"{tag.text} stands where MJML keeps no text; {way_out}")


def _restore_tags(line: str, tags: list[_Tag]) -> str:
    return _HIDDEN.sub(lambda found: tags[int(found[1] or found[2])].text, line)


def _first_place(line: str, tags: list[_Tag]) -> tuple[Path, int] | None:
    found = _HIDDEN.search(line)
    if not found:
        return None
    tag = tags[int(found[1] or found[2])]
    return tag.path, tag.line


def _last_place(places: Sequence[tuple[Path, int] | None], compiled_line: int | None) -> tuple[Path, int] | None:
    """Return the last place up to `compiled_line` (from 1), None where there is none."""
    return next((place for place in reversed(places[: compiled_line or 0]) if place), None)


def fold_long_lines(html: str) -> str:
    """Return `html` with lines of at most `LONGEST_LINE` characters where its spaces and tags allow it."""
    if max(map(len, html.split("\n"))) <= LONGEST_LINE:
        return html
    marked = _TAG.sub(_marked, html)
    return "\n".join(map(_fold, html.split("\n"), marked.split("\n")))


def _marked(tag: re.Match[str]) -> str:
    """Return a tag without the spaces at which it must not be folded, and with a mark where it may be at its end."""
    # a string of CSS ends with its line, and the declaration with it
    text = _QUOTED.sub(lambda quoted: quoted[0].replace(" ", "_"), tag[0])
    return text[:-1] + _END_OF_TAG if _LONG_TAG.fullmatch(text) else text


def _fold(line: str, marked: str) -> str:
    """Return `line` folded where `marked`, which is as long, says that nothing changes, else at any space."""
    folded, begin = [], 0
    while len(line) - begin > LONGEST_LINE:
        first, end = begin + 1, begin + LONGEST_LINE + 1
        at = max(marked.rfind(" ", first, end), marked.rfind(_END_OF_TAG, first, end))
        if at < 0:
            at = line.rfind(" ", first, end)
        if at < 0:
            break
        folded.append(line[begin:at])
        begin = at + (line[at] == " ")
    return "\n".join([*folded, line[begin:]])


def first_long_line(html: str) -> int | None:
    """Return the number (from 1) of the first line longer than `LONGEST_LINE`, None if there is none."""
    lengths = enumerate(map(len, html.split("\n")), start=1)
    return next((number for number, length in lengths if length > LONGEST_LINE), None)

"""The HTML part: MJML compiled and CSS inlined once per template, so that one message costs Jinja2 alone.

Jinja2 tags are taken out before MJML and the inliner see the text, and put back afterwards: both rewrite what
they read (`>` becomes `&gt;`, text between table rows moves), and a rewritten tag is a broken tag. A `{{
value }}` is hidden as a word, which may stand in text and in attributes; a `{% block %}` as an HTML comment,
which may stand wherever an element may, also between the rows of a table.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from css_inline import CSSInliner
from jinja2 import Template
from mjml import mjml2html

from ekiden.content.faults import ContentFault
from ekiden.content.sources import Source
from ekiden.content.templates import environment

LONGEST_LINE = 900  # characters, after substitution; a longer line is not delivered
_PLACE_OF_STEP = re.compile(r'<mj-include\s+path="step"\s*/>')
# Not conditional ones, nor `<!-->`, which ends the head of one that is for all other mail programs
_AUTHORS_COMMENT = re.compile(r"<!--(?!\[if|<!\[endif|>).*?-->", re.DOTALL)
_HIDDEN = re.compile(r"<!--ekiden-tag-(\d+)-->|ekiden-tag-(\d+)-")
_OPENING_TAG = re.compile(r"<([a-z][a-z0-9]*) ")


@dataclass(frozen=True)
class HtmlPart:
    """A compiled HTML part, and for each of its lines the place in the author's files it came from."""

    source: Source
    """What `template` is compiled from."""
    template: Template
    places: tuple[tuple[Path, int] | None, ...]

    def place(self, compiled_line: int | None) -> tuple[Path, int] | None:
        """Return file and line of the last tag up to `compiled_line` (from 1), None where there is none."""
        before = self.places[: compiled_line or 0]
        return next((place for place in reversed(before) if place), None)


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
    html = _compile_mjml(step, layout, hidden)
    _refuse_unknown_elements(html, (step, layout))
    inlined = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False).inline(html)
    # Each element begins a line of its own kind, inside its tag, where a line break changes nothing that is
    # shown: lines stay far below the limit, and a fault's line says something.
    lines = _OPENING_TAG.sub(r"<\1\n", inlined).split("\n")
    _refuse_lost_tags(lines, tags)
    compiled = Source(step.path, "\n".join(_restore_tags(line, tags) for line in lines))
    template = environment(autoescape=True, sources={"html": compiled}).get_template("html")
    return HtmlPart(compiled, template, tuple(_first_place(line, tags) for line in lines))


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


def fold_long_lines(html: str) -> str:
    """Return `html` with lines of at most `LONGEST_LINE` characters where spaces outside of tags allow it."""
    if max(map(len, html.split("\n"))) <= LONGEST_LINE:
        return html
    return "\n".join(_fold(line) for line in html.split("\n"))


def _fold(line: str) -> str:
    folded = []
    while len(line) > LONGEST_LINE:
        start = line[: LONGEST_LINE + 1]
        spaces = (found.start() for found in re.finditer(" ", start))
        breakable = [at for at in spaces if at and start.rfind("<", 0, at) <= start.rfind(">", 0, at)]
        if not breakable:
            break
        folded.append(line[: breakable[-1]])
        line = line[breakable[-1] + 1 :]
    return "\n".join([*folded, line])


def first_long_line(html: str) -> int | None:
    """Return the number (from 1) of the first line longer than `LONGEST_LINE`, None if there is none."""
    lengths = enumerate(map(len, html.split("\n")), start=1)
    return next((number for number, length in lengths if length > LONGEST_LINE), None)

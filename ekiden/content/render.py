"""The door of this package: load a step's content, render it for one customer.

Contents are compiled once per process and kept by what their files say, so an edited file counts from the
next `load_content` on. Rendering reads nothing but its arguments: the same content and variables give the
same message, at any time and in any process. Does not belong here: how a template is cut into what all messages share
(`outline`, `skeleton`), and what channels make of a message.
"""

import builtins
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Template, UndefinedError
from jinja2.exceptions import SecurityError

from ekiden.content.faults import ContentFault
from ekiden.content.holes import NotCut, cut
from ekiden.content.html_part import (
    LONGEST_LINE,
    HtmlPart,
    compile_html,
    first_long_line,
    fold_long_lines,
    without_comments,
)
from ekiden.content.message import RenderedMessage
from ekiden.content.outline import Outline, outlined
from ekiden.content.skeleton import fill
from ekiden.content.sources import Source, StepSources, content_names, read_sources
from ekiden.content.templates import (
    NAMES_OF_A_HEAD,
    environment,
    faults_of_tags,
    one_line_template,
    rendering_line,
    used_names,
)
from ekiden.content.variables import (
    NAMES_REQUIRED_BY_LAW,
    NAMES_REQUIRED_BY_LAW_IN,
    OFFER_NAMES,
    MessageVariables,
    harmless,
    sample_variables,
    template_context,
)

__all__ = [
    "ContentFault",
    "MessageVariables",
    "StepContent",
    "content_names",
    "faults_of_content",
    "load_content",
    "render",
    "sample_variables",
]

# Compiled contents kept per process: far more than a shop has steps (10 a scenario at most), about 100 kB
# each.
_COMPILED_CONTENTS_KEPT = 512

# What an exception names: a key or an attribute, which a template may have taken from a customer's data, or a type.
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")

# For more bytes at once hashlib gives Python's lock away (https://docs.python.org/3.11/library/hashlib.html). Another
# sender takes it and keeps it for milliseconds, at every message; hashing one takes microseconds.
_HASHED_AT_ONCE = 2_047


@dataclass(frozen=True)
class StepContent:
    """One step's content, checked and compiled."""

    name: str
    language: str
    content_hash: str
    """sha256 over the templates, the layout included: the version of the content."""
    sources: StepSources
    subject: Template
    preheader: Template
    text: Template
    html: HtmlPart | None
    outline: Outline | None
    """What its messages have in common; None where the templates do not show it."""
    outline_of_offer: Outline | None
    """What those of its messages have in common that offer the same."""


def load_content(folder: Path, name: str, channel: str = "html_email") -> StepContent:
    """Return content `name` ("cross_sell/step_1") of `folder` as a step of `channel` has it; raise `ContentFault`."""
    sources = read_sources(folder, name, channel)
    try:
        return _compile(sources)
    except ContentFault:
        raise
    except Exception as error:
        # whatever it is, it is of this content alone: raised as anything else, it would keep all others from being sent
        problem = f"it cannot be compiled ({type(error).__name__}); see docs/contents.md"
        raise ContentFault(sources.text.path, None, problem) from error


def faults_of_content(folder: Path, name: str, channel: str = "html_email") -> list[ContentFault]:
    """Return why `load_content` raises: all that is wrong with the names in the tags, and the first other thing."""
    try:
        load_content(folder, name, channel)
        return []
    except ContentFault as fault:
        first = fault
    faults: list[ContentFault] = []
    with suppress(ContentFault):
        sources = read_sources(folder, name, channel)
        html = [without_comments(source) for source in (sources.html, sources.html_layout) if source]
        for head in (sources.subject, sources.preheader):
            faults += faults_of_tags(head, known=NAMES_OF_A_HEAD)
        for part in (sources.text, sources.text_layout, *html):
            faults += faults_of_tags(part)
    # most often it is one of them
    return list({str(fault): fault for fault in (*faults, first)}.values())


@lru_cache(maxsize=_COMPILED_CONTENTS_KEPT)
def _compile(sources: StepSources) -> StepContent:
    required = NAMES_REQUIRED_BY_LAW_IN.get(sources.short_channel or "", NAMES_REQUIRED_BY_LAW)
    _check_part(sources.text, sources.text_layout, required)
    if sources.html and sources.html_layout:
        _check_part(without_comments(sources.html), without_comments(sources.html_layout), required)
        html = compile_html(sources.html, sources.html_layout)
    else:
        html = None
    subject, preheader = one_line_template(sources.subject), one_line_template(sources.preheader)
    text_files = {"layout": sources.text_layout, "step": sources.text}
    # made last: whatever is wrong with a template is said by now
    outlines = _outlines(sources, html)
    return StepContent(
        name=sources.name,
        language=sources.language,
        content_hash=_digest(*(source.text.encode() if source else None for source in _all_sources(sources))),
        sources=sources,
        subject=subject,
        preheader=preheader,
        text=environment(autoescape=False, sources=text_files).get_template("layout"),
        html=html,
        outline=outlines[0],
        outline_of_offer=outlines[1],
    )


def _outlines(sources: StepSources, html: HtmlPart | None) -> tuple[Outline | None, Outline | None]:
    plain, escaping = environment(autoescape=False), environment(autoescape=True)
    try:
        parts = (
            cut(plain, sources.subject.text),
            cut(plain, sources.preheader.text),
            cut(plain, sources.text_layout.text, {"step": sources.text.text}),
            cut(escaping, html.source.text) if html else None,
        )
    except NotCut:
        return None, None
    of_all = outlined(*parts)
    of_offer = of_all if set(OFFER_NAMES).isdisjoint(of_all.customer_names) else outlined(*parts, OFFER_NAMES)
    return of_all, of_offer


def _all_sources(sources: StepSources) -> tuple[Source | None, ...]:
    return (
        sources.subject,
        sources.preheader,
        sources.text,
        sources.text_layout,
        sources.html,
        sources.html_layout,
    )


def _check_part(step: Source, layout: Source, required: tuple[str, ...]) -> None:
    used = used_names(step) | used_names(layout)
    missing = [name for name in required if name not in used]
    if missing:
        tags = ", ".join(f"{{{{ {name} }}}}" for name in missing)
        raise ContentFault(layout.path, None, f"the law asks for {tags} in every message; write it in this layout")


def render(content: StepContent, variables: MessageVariables, *, one_offer: bool = False) -> RenderedMessage:
    """Return what the customer of `variables` gets; raise `ContentFault` if that cannot be made.

    `one_offer` says that the messages it goes with offer the same: then they have more in common, `shared` as well.
    """
    outline = content.outline_of_offer if one_offer else content.outline
    if outline:
        # whatever is wrong, the long way says it, or does what the short one cannot
        with suppress(Exception):
            message = fill(outline, variables)
            digest = _digest(*message.in_bytes)
            return RenderedMessage(message.subject, message.text, None, digest, message.shared, message.values)
    return render_whole(content, variables)


def render_whole(content: StepContent, variables: MessageVariables) -> RenderedMessage:
    """Return what `render` does, the long way: by the whole templates, and without anything `shared`.

    Raises `ContentFault`.
    """
    context = template_context(variables)
    context["subject"] = _one_line(content.subject, content.sources.subject, context)
    if not context["subject"]:
        raise ContentFault(content.sources.subject.path, content.sources.subject.first_line, "the subject is empty")
    context["preheader"] = _one_line(content.preheader, content.sources.preheader, context)
    text = _text(content, context)
    html = _html(content.html, content.sources, context) if content.html else None
    subject = context["subject"]
    try:
        digest = _digest(*(None if part is None else part.encode() for part in (subject, text, html)))
    except UnicodeEncodeError:
        problem = "a tag makes half of a character, like '\\ud800', which no mail can hold; write the whole one"
        raise ContentFault(content.sources.text.path, None, problem) from None
    return RenderedMessage(subject, text, html, digest)


def _one_line(template: Template, source: Source, context: dict[str, Any]) -> str:
    try:
        return harmless(template.render(context))
    except Exception as error:
        raise ContentFault(source.path, source.first_line, _explain(error, context, source)) from None


def _text(content: StepContent, context: dict[str, Any]) -> str:
    sources = content.sources
    step, layout = sources.text, sources.text_layout
    try:
        text = content.text.render(context)
    except Exception as error:
        problem = _explain(error, context, step, layout)
        line = rendering_line(error, step.path)
        if line is None:
            raise ContentFault(layout.path, rendering_line(error, layout.path), problem) from None
        raise ContentFault(step.path, line + step.first_line - 1, problem) from None
    return text.strip() + "\n"


def _html(part: HtmlPart, sources: StepSources, context: dict[str, Any]) -> str:
    step = sources.html.path if sources.html else sources.text.path
    try:
        html = fold_long_lines(part.template.render(context))
    except Exception as error:
        path, line = part.place(rendering_line(error, step)) or (step, None)
        raise ContentFault(path, line, _explain(error, context, part.source)) from None
    if long_line := first_long_line(html):
        start = html.split("\n")[long_line - 1][:60]
        way_out = f"a line of HTML may have {LONGEST_LINE} characters (R-148); break it with <br/> or spaces"
        raise ContentFault(step, None, f"the line that begins with {start!r} is too long; {way_out}")
    return html


def _explain(error: Exception, context: dict[str, Any], *sources: Source) -> str:
    """Return what went wrong in `sources`, without the customer's data that the exception's text may hold."""
    values = {word for value in context.values() for word in (value if isinstance(value, tuple) else (value,))}

    def if_nobodys(quoted: re.Match[str]) -> str:
        words = quoted[0][1:-1]
        is_type = words.endswith(" object") or isinstance(getattr(builtins, words, None), type)
        is_the_authors = words not in values and any(words in source.text for source in sources)
        return quoted[0] if is_type or is_the_authors else "'…'"

    detail = ""
    if isinstance(error, UndefinedError | SecurityError | TypeError):
        detail = f": {_QUOTED.sub(if_nobodys, str(error))}"
    return f"rendering failed ({type(error).__name__}{detail}); docs/contents.md lists the variables"


def _digest(*parts: bytes | None) -> str:
    """Return the sha256 of `parts`, each with its length: moving text between parts changes it."""
    digest = sha256()
    for part in parts:
        if part is None:
            digest.update(b"-:")
            continue
        digest.update(b"%d:" % len(part))
        for start in range(0, len(part), _HASHED_AT_ONCE):
            digest.update(part[start : start + _HASHED_AT_ONCE])
    return digest.hexdigest()

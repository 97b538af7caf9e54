"""What all messages of one content have in common, made before the first of them; then one message of it.

Three kinds of text stand in a message: the author's; what a template makes of the shop's own data, rendered
once for all messages; and what differs by customer, the holes. A message costs the rendering of its holes.

Everything here is a short cut: where it is not sure to give what Jinja2 makes of the whole template, it
raises, and the caller (`render.py`) takes the long way. Does not belong here: Jinja2's syntax trees.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from ekiden.content.borders import Border, joined, stripped
from ekiden.content.holes import SEPARATOR, NotCut
from ekiden.content.html_part import LONGEST_LINE, first_long_line
from ekiden.content.outline import Outline
from ekiden.content.shared import Pieces, SharedContent, filled
from ekiden.content.variables import MessageVariables, harmless, harmless_value

# Skeletons kept per process, one for each content and shop, or offer: as many as contents, about 50 kB each.
_SKELETONS_KEPT = 512
# What HTML writes in another way than plain text.
_ESCAPED = re.compile("[&<>'\"]")


@dataclass(frozen=True, eq=False)
class Skeleton:
    """A content in which the shop's data stands already; what is left are customers' holes."""

    outline: Outline
    shared: SharedContent
    order: tuple[int | Border, ...] | None
    """How the values of `shared` are made of what the templates render to; None: they are the same."""
    subject: Pieces
    preheader: Pieces
    """Both as rendered, before they are made harmless."""
    context: dict[str, Any]
    """What every message's templates see."""
    names: tuple[str, ...]
    """The variables to add to `context` for one customer."""
    room: int
    """The longest line of the HTML has this many characters left for values."""
    html_holes: tuple[int, ...]
    """The HTML's holes, one that stands there twice twice."""
    text_bytes: tuple[bytes | int, ...]
    html_bytes: tuple[bytes | int, ...] | None


class Filled(NamedTuple):
    """One customer's message, its HTML in pieces alone, and the same whole in UTF-8."""

    subject: str
    text: str
    shared: SharedContent
    values: tuple[str, ...]
    in_bytes: tuple[bytes, bytes, bytes | None]


def fill(outline: Outline, variables: MessageVariables) -> Filled:
    """Return the message for the customer of `variables`; raise whatever says that this way does not do."""
    one_link = outline.link is not None and not _ESCAPED.search(variables.unsubscribe_url)
    return _fill(_skeleton(outline, outline.shop_values(variables), one_link), variables)


@lru_cache(maxsize=_SKELETONS_KEPT)
def _skeleton(outline: Outline, shop_values: tuple[Any, ...], one_link: bool) -> Skeleton:
    shop = {name: harmless_value(value) for name, value in zip(outline.shop_names, shop_values, strict=True)}
    context = outline.jinja_globals | shop
    subject, preheader = outline.subject.with_shop(context), outline.preheader.with_shop(context)
    if outline.subject.is_shared:
        context["subject"] = harmless(filled(subject, ()))
        subject = (context["subject"],)
    if outline.preheader.is_shared:
        context["preheader"] = harmless(filled(preheader, ()))
    order: list[int | Border] = []
    shared_subject = _numbered(stripped(joined(subject)), order)
    text = joined((*_numbered(stripped(joined(outline.text.with_shop(context))), order), "\n"))
    html = None
    if outline.html:
        pieces = joined(outline.html.with_shop(context))
        if one_link and outline.link:
            in_text, in_html = outline.link
            pieces = tuple(in_text if piece == in_html else piece for piece in pieces)
        html = _numbered(pieces, order)
    return Skeleton(
        outline=outline,
        shared=SharedContent(shared_subject, text, html, len(order)),
        order=None if order == list(range(outline.holes)) else tuple(order),
        subject=subject,
        preheader=preheader,
        context=context,
        names=outline.customer_names,
        room=_room(html) if html else 0,
        html_holes=tuple(piece for piece in html or () if isinstance(piece, int)),
        text_bytes=_in_bytes(text),
        html_bytes=_in_bytes(html) if html else None,
    )


def _numbered(pieces: Sequence[str | int | Border], order: list[int | Border]) -> Pieces:
    """Return `pieces` with holes numbered in the order in which they are first met, which is `order`."""
    result: list[str | int] = []
    for piece in pieces:
        if isinstance(piece, str):
            result.append(piece)
            continue
        if piece not in order:
            order.append(piece)
        result.append(order.index(piece))
    return tuple(result)


def _room(html: Pieces) -> int:
    """Return how many characters of values fit into the longest line that has a hole; raise `NotCut` for none."""
    lines = "".join(piece if isinstance(piece, str) else SEPARATOR for piece in html).split("\n")
    if max(map(len, lines)) > LONGEST_LINE:
        raise NotCut
    return LONGEST_LINE - max((len(line) for line in lines if SEPARATOR in line), default=0)


def _in_bytes(pieces: Pieces) -> tuple[bytes | int, ...]:
    return tuple(piece.encode() if isinstance(piece, str) else piece for piece in pieces)


def _fill(skeleton: Skeleton, variables: MessageVariables) -> Filled:
    outline, shared = skeleton.outline, skeleton.shared
    context = skeleton.context.copy()
    for name in skeleton.names:
        context[name] = harmless_value(getattr(variables, name))
    rendered: list[str] = []
    if outline.subject.customer:
        rendered += outline.subject.customer.values(context)
        context["subject"] = harmless(filled(skeleton.subject, rendered))
    if outline.preheader.customer:
        context["preheader"] = harmless(filled(skeleton.preheader, outline.preheader.customer.values(context)))
    for part in (outline.text, outline.html):
        if part and part.customer:
            rendered += part.customer.values(context)
    if skeleton.order is None:
        values = tuple(rendered)
    else:
        values = tuple(rendered[at] if isinstance(at, int) else at.value(rendered) for at in skeleton.order)
    subject, text = context["subject"], filled(shared.text, values)
    if not subject or filled(shared.subject, values) != subject or text.strip() + "\n" != text:
        raise NotCut
    shown = [values[hole] for hole in skeleton.html_holes]
    # three questions, each dearer than the one before
    is_wide = sum(map(len, shown)) > skeleton.room and sum(map(_width, shown)) > skeleton.room
    if shared.html and is_wide and first_long_line(filled(shared.html, values)):
        raise NotCut
    values_in_bytes = [value.encode() for value in values]
    in_bytes = (
        subject.encode(),
        _filled_bytes(skeleton.text_bytes, values_in_bytes),
        _filled_bytes(skeleton.html_bytes, values_in_bytes) if skeleton.html_bytes else None,
    )
    return Filled(subject, text, shared, values, in_bytes)


def _width(value: str) -> int:
    return max(map(len, value.split("\n")))


def _filled_bytes(pieces: Sequence[bytes | int], values: Sequence[bytes]) -> bytes:
    # joined anew, because encoding a long text with one Japanese letter takes many times as long
    return b"".join([piece if isinstance(piece, bytes) else values[piece] for piece in pieces])

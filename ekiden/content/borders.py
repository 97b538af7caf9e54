"""The ends of a text with holes, where stripping the finished text would reach into the author's words.

`{{ name }}, hello` and `Hello {{ name }}` lose a space where the name is empty. So spaces at an end go into the
hole beside them: what is stripped then is that hole's value alone, and the text around it never changes.

Belongs here: pieces alone. Does not belong here: where they come from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ekiden.content.shared import Pieces, filled


@dataclass(frozen=True, eq=False)
class Border:
    """Holes and spaces at an end of a text: together one hole."""

    pieces: Pieces
    strip: Callable[[str], str]

    def value(self, values: Sequence[str]) -> str:
        """Return what goes into this hole, where `values` go into its holes."""
        return self.strip(filled(self.pieces, values))


def joined(pieces: Sequence[str | int]) -> Pieces:
    """Return `pieces` with texts that stand side by side made one, and without empty ones."""
    result: list[str | int] = []
    for piece in pieces:
        if isinstance(piece, str) and result and isinstance(result[-1], str):
            result[-1] += piece
        elif piece != "":
            result.append(piece)
    return tuple(result)


def stripped(pieces: Pieces) -> tuple[str | int | Border, ...]:
    """Return `pieces`, joined ones, so that their text has no spaces at its ends, whatever is in the holes.

    One exception: a hole that stands at an end without a space beside it stays as it is.
    """
    words = [at for at, piece in enumerate(pieces) if isinstance(piece, str) and piece.strip()]
    if not words:
        return _border(pieces, str.strip)
    first, last = words[0], words[-1]
    texts = list(pieces[first : last + 1])
    before, texts[0] = _cut_start(str(texts[0]))
    texts[-1], after = _cut_end(str(texts[-1]))
    head = _border((*pieces[:first], before), str.lstrip)
    tail = _border((after, *pieces[last + 1 :]), str.rstrip)
    return (*head, *texts, *tail)


def _cut_start(text: str) -> tuple[str, str]:
    start = len(text) - len(text.lstrip())
    return text[:start], text[start:]


def _cut_end(text: str) -> tuple[str, str]:
    end = len(text.rstrip())
    return text[:end], text[end:]


def _border(pieces: Pieces, strip: Callable[[str], str]) -> tuple[str | int | Border, ...]:
    pieces = joined(pieces)
    if not any(isinstance(piece, int) for piece in pieces):
        return ()
    return pieces if len(pieces) == 1 else (Border(pieces, strip),)

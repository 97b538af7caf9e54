"""A content as text and numbered holes, the form in which channels take it: each customer's own words fill the holes.

Belongs here: pieces and holes. Does not belong here: how a provider names a hole, or how many bytes it allows;
how a template is cut into pieces (`holes.py`, `skeleton.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

Pieces = tuple[str | int, ...]
"""Text as it stands, and numbers of holes, in their order."""


@dataclass(frozen=True)
class SharedContent:
    """A content with holes; every message of it fills the same number of them. Two of one content are equal.

    Holes are numbered in the order subject, text, HTML; one that shows the same thing again has the same number.
    """

    subject: Pieces
    text: Pieces
    html: Pieces | None
    holes: int

    @cached_property
    def without_html(self) -> "SharedContent":
        """This content as a text mail; its holes are the first of these."""
        holes = {piece for piece in (*self.subject, *self.text) if isinstance(piece, int)}
        return SharedContent(self.subject, self.text, None, len(holes))


def filled(pieces: Pieces, values: Sequence[str]) -> str:
    """Return the text of `pieces` with the hole of number n filled with `values[n]`."""
    return "".join([piece if isinstance(piece, str) else values[piece] for piece in pieces])

"""What all messages of one content have in common, and the holes into which each customer's own words go.

Belongs here: pieces and holes. Does not belong here: how a provider names a hole, or how many bytes it allows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

Pieces = tuple[str | int, ...]
"""Text as it stands, and numbers of holes, in their order."""


@dataclass(frozen=True)
class SharedContent:
    """A content with holes; every message of it fills the same number of them. Two of one content are equal."""

    subject: Pieces
    text: Pieces
    html: Pieces | None
    holes: int


def filled(pieces: Pieces, values: Sequence[str]) -> str:
    """Return the text of `pieces` with the hole of number n filled with `values[n]`."""
    return "".join(piece if isinstance(piece, str) else values[piece] for piece in pieces)

"""Who of a refused request is guilty: smaller requests, until only the guilty are refused.

SendGrid takes a request or refuses it as a whole; one recipient it does not want keeps a thousand others from
their mail. The module is pure: it says which recipients are tried together next, each time in a new request.
"""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Portion:
    """Messages, by position, that go into one request."""

    positions: tuple[int, ...]
    depth: int = 0
    """How often what it was a part of has been refused."""


def halves(portion: Portion) -> list[Portion]:
    """Return `portion`, which has two messages or more, as two."""
    middle = len(portion.positions) // 2
    return [_smaller(portion, portion.positions[:middle]), _smaller(portion, portion.positions[middle:])]


def first_alone(portion: Portion) -> list[Portion]:
    """Return the first message of `portion` and, if there are any, the others; nothing was refused."""
    first, others = portion.positions[:1], portion.positions[1:]
    return [Portion(positions, portion.depth) for positions in (first, others) if positions]


def portions_after_refusal(portion: Portion, named: Collection[int]) -> list[Portion]:
    """Return what to try of `portion`, refused as a whole, which has two messages or more.

    `named` are those of its personalizations, counted from 0, that the answer finds fault with. They are tried
    alone, for the answer's word is no proof; the others together. SendGrid may name one at a time: where its word
    was followed once and did not suffice, the others go by halves.
    """
    alone = [position for number, position in enumerate(portion.positions) if number in named]
    others = tuple(position for number, position in enumerate(portion.positions) if number not in named)
    if not alone:
        return halves(portion)
    tried = [_smaller(portion, (position,)) for position in alone]
    if len(others) > 1 and portion.depth > 0:
        return tried + halves(_smaller(portion, others))
    return tried + ([_smaller(portion, others)] if others else [])


def _smaller(portion: Portion, positions: tuple[int, ...]) -> Portion:
    return Portion(positions, portion.depth + 1)

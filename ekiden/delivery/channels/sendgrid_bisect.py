"""Who of a refused request is guilty: smaller requests, until only the guilty are refused.

SendGrid takes a request or refuses it as a whole; one recipient it does not want keeps a thousand others from
their mail. The module is pure: it says which recipients are tried together next, each time in a new request.
"""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """Messages, by position, that go into one request."""

    positions: tuple[int, ...]
    depth: int = 0
    """How often what it was part of has been refused."""


def halves(part: Part) -> list[Part]:
    """Return `part`, which has two messages or more, as two."""
    middle = len(part.positions) // 2
    return [_smaller(part, part.positions[:middle]), _smaller(part, part.positions[middle:])]


def first_alone(part: Part) -> list[Part]:
    """Return the first message of `part` and, if there are any, the others; nothing was refused."""
    first, others = part.positions[:1], part.positions[1:]
    return [Part(positions, part.depth) for positions in (first, others) if positions]


def parts_after_refusal(part: Part, named: Collection[int]) -> list[Part]:
    """Return what to try of `part`, refused as a whole, which has two messages or more.

    `named` are those of its personalizations, counted from 0, that the answer finds fault with. They are tried
    alone, for the answer's word is no proof; the others together. SendGrid may name one at a time: where its word
    was followed once and did not suffice, the others go by halves.
    """
    alone = [position for number, position in enumerate(part.positions) if number in named]
    others = tuple(position for number, position in enumerate(part.positions) if number not in named)
    if not alone:
        return halves(part)
    tried = [_smaller(part, (position,)) for position in alone]
    if len(others) > 1 and part.depth > 0:
        return tried + halves(_smaller(part, others))
    return tried + ([_smaller(part, others)] if others else [])


def _smaller(part: Part, positions: tuple[int, ...]) -> Part:
    return Part(positions, part.depth + 1)

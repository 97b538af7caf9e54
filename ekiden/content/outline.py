"""A content's pieces: which holes the shop's own data fills, which a customer's, and which are the same hole.

Does not belong here: anybody's data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any

from ekiden.content.holes import CutTemplate, Hole, HolesTemplate, holes_template, variable_key
from ekiden.content.shared import Pieces
from ekiden.content.variables import SHOP_NAMES, VARIABLE_NAMES, MessageVariables


@dataclass(frozen=True)
class ShopHole:
    """A hole that is filled for all messages alike, by the value of this number."""

    number: int


@dataclass(frozen=True, eq=False)
class PartOutline:
    """One part of a message. An `int` is a customer's hole, numbered through subject, text and HTML."""

    pieces: tuple[str | int | ShopHole, ...]
    shop: HolesTemplate | None
    customer: HolesTemplate | None
    """What this part adds to the values of the parts before it."""

    @property
    def is_shared(self) -> bool:
        """Whether it is the same in all messages."""
        return not any(isinstance(piece, int) for piece in self.pieces)

    def with_shop(self, context: dict[str, Any]) -> Pieces:
        """Return the pieces with the shop's holes filled."""
        values = self.shop.values(context) if self.shop else []
        return tuple(values[piece.number] if isinstance(piece, ShopHole) else piece for piece in self.pieces)


@dataclass(frozen=True, eq=False)
class Outline:
    """A content cut into its pieces; equal to none but itself."""

    subject: PartOutline
    preheader: PartOutline
    """Its holes are numbered by themselves: it is no part of the message."""
    text: PartOutline
    html: PartOutline | None
    shop_names: tuple[str, ...]
    """The variables that are the same in all messages."""
    jinja_globals: dict[str, Any]
    link: tuple[int, int] | None
    """The holes of the opt-out link in text and in HTML: one value, if escaping does not change it."""

    @cached_property
    def shop_values(self) -> Callable[[MessageVariables], tuple[Any, ...]]:
        """What returns the values of `shop_names`."""
        return attrgetter(*self.shop_names)

    @property
    def customer_names(self) -> tuple[str, ...]:
        """The variables that differ by customer and that holes are made of."""
        parts = (self.subject, self.preheader, self.text, self.html)
        needed = {name for part in parts if part and part.customer for name in part.customer.names}
        return tuple(name for name in VARIABLE_NAMES if name in needed and name not in self.shop_names)

    @property
    def holes(self) -> int:
        """The number of customers' holes in the three parts."""
        parts = (self.subject, self.text, self.html)
        return sum(part.customer.holes for part in parts if part and part.customer)


def outlined(
    subject: CutTemplate,
    preheader: CutTemplate,
    text: CutTemplate,
    html: CutTemplate | None,
    shop_names: tuple[str, ...] = SHOP_NAMES,
) -> Outline:
    """Return the outline of the content with these parts, for messages in which `shop_names` are the same."""
    numbers: dict[str | Hole, int] = {}
    names = set(VARIABLE_NAMES).difference(shop_names)
    subject_part = _part(subject, names, numbers)
    preheader_part = _part(preheader, names, {})
    if not subject_part.is_shared:
        names.add("subject")
    if not preheader_part.is_shared:
        names.add("preheader")
    text_part = _part(text, names, numbers)
    html_part = _part(html, names, numbers) if html else None
    plain, escaped = (numbers.get(variable_key("unsubscribe_url", escaped=escaped)) for escaped in (False, True))
    return Outline(
        subject_part,
        preheader_part,
        text_part,
        html_part,
        shop_names,
        jinja_globals=dict(text.environment.globals),
        link=None if plain is None or escaped is None else (plain, escaped),
    )


def _part(template: CutTemplate, names_of_customers: set[str], numbers: dict[str | Hole, int]) -> PartOutline:
    """Return the outline of one part; `numbers` has the holes of the parts before, and gets those of this one."""
    shop_numbers: dict[str | Hole, int] = {}
    shop_holes: list[Hole] = []
    customer_holes: list[Hole] = []
    pieces: list[str | int | ShopHole] = []
    for piece in template.pieces:
        if isinstance(piece, str):
            pieces.append(piece)
        elif isinstance(piece, Hole):
            is_shop = piece.key is not None and not piece.names & names_of_customers
            known, holes = (shop_numbers, shop_holes) if is_shop else (numbers, customer_holes)
            key = piece.key or piece
            if key not in known:
                known[key] = len(known)
                holes.append(piece)
            pieces.append(ShopHole(known[key]) if is_shop else known[key])
    return PartOutline(tuple(pieces), holes_template(template, shop_holes), holes_template(template, customer_holes))

"""The anchor: what the step offsets count from (R-060 to R-078).

Belongs here: the anchors, and which of them are orders. Does not belong here: how an anchor becomes SQL
(`dbt_project/macros/anchors`).
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from ekiden.scenarios.frames import Codes, Products
from ekiden.scenarios.values import Part, Text

ORDER_ANCHORS = frozenset({"ordered", "paid", "shipped", "desired_delivery", "nth_purchase"})
"""Anchors that are orders, so that order filters mean something (R-085, R-086)."""

DATED_BY_THE_ORDER = frozenset({"ordered", "nth_purchase"})
"""Anchors whose date is the order's own; the others' may come later."""

PlainAnchor = Literal["ordered", "paid", "shipped", "desired_delivery", "member_registered", "subscription_cancelled"]
PLAIN_ANCHORS = frozenset(get_args(PlainAnchor))

MAX_NTH = 1000
"""The n-th purchase; more is a slip of the keyboard."""

WORD = "<anchor>"
CHOICE = "<anchor with argument>"


class CancelledSubscription(Part):
    """Which cancellations; each narrows them."""

    products: Products | None = Field(None, description="Only subscriptions to these products.")
    reasons: Codes | None = Field(None, description="Only for these reasons; needs the option cancel_reason.")


class NthPurchase(Part):
    """The n-th order that holds a product of the set (R-078)."""

    n: Annotated[int, Field(strict=True, ge=1, le=MAX_NTH)]
    products: Products = Field(description="Product codes; one of them is enough.")


class AnchorChoice(Part):
    """Exactly one of these."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    tag_granted: Text | None = Field(None, description="A tag; needs the option member_tag (R-071).")
    entered: Text | None = Field(None, description="A segment: the customer came in (R-074).")
    list_imported: Text | None = Field(None, description="A list: the customer came onto it (R-077).")
    event: Text | None = Field(None, description="An event type (R-076).")
    subscription_cancelled: CancelledSubscription | None = Field(
        None, description="A subscription was cancelled: to these products and for these reasons, where given (R-075)."
    )
    nth_purchase: NthPurchase | None = None


CHOICES = frozenset(AnchorChoice.model_fields)
KNOWN = ", ".join([*sorted(PLAIN_ANCHORS), *(f"{{{name}: …}}" for name in AnchorChoice.model_fields)])


def _one_known(anchor: object) -> object:
    if isinstance(anchor, AnchorChoice):
        return anchor
    if isinstance(anchor, str):
        return _known_word(anchor)
    if not isinstance(anchor, Mapping) or len(anchor) != 1:
        raise PydanticCustomError(
            "exactly_one_anchor", "a scenario has exactly one anchor, one of: {known}", {"known": KNOWN}
        )
    ((kind, argument),) = anchor.items()
    if kind in CHOICES:
        if argument is None or argument == "":
            raise _incomplete(str(kind))
        return anchor
    if kind in PLAIN_ANCHORS:
        message = "{anchor} takes no argument; write 'anchor: {anchor}'"
        raise PydanticCustomError("unknown_anchor", message, {"anchor": str(kind)})
    raise _unknown(str(kind))


def _known_word(anchor: str) -> str:
    if anchor in PLAIN_ANCHORS:
        return anchor
    raise _incomplete(anchor) if anchor in CHOICES else _unknown(anchor)


def _incomplete(anchor: str) -> PydanticCustomError:
    if anchor in PLAIN_ANCHORS:
        example = f"{{{anchor}: {{products: [...], reasons: [...]}}}}"
        message = "write 'anchor: {anchor}' for all of them, or say which, like '{example}' (either may be left out)"
        return PydanticCustomError("anchor_incomplete", message, {"anchor": anchor, "example": example})
    example = "{n: 2, products: [...]}" if anchor == "nth_purchase" else "name"
    return PydanticCustomError(
        "anchor_incomplete",
        "{anchor} needs to say which, like '{example}'",
        {"anchor": anchor, "example": f"{{{anchor}: {example}}}"},
    )


def _unknown(anchor: str) -> PydanticCustomError:
    near = get_close_matches(anchor, [*PLAIN_ANCHORS, *CHOICES], n=1)
    meant = f", perhaps {near[0]}" if near else ""
    message = "{anchor} is no anchor{meant}; known: {known}"
    return PydanticCustomError("unknown_anchor", message, {"anchor": anchor, "meant": meant, "known": KNOWN})


def _shape(anchor: Any) -> str:
    return WORD if isinstance(anchor, str) else CHOICE


Anchor = Annotated[
    Annotated[PlainAnchor, Tag(WORD)] | Annotated[AnchorChoice, Tag(CHOICE)],
    Discriminator(_shape),
    BeforeValidator(_one_known),
]


def anchor_kind(anchor: str | AnchorChoice) -> str:
    """Return the anchor's name."""
    if isinstance(anchor, str):
        return anchor
    return next(name for name in AnchorChoice.model_fields if getattr(anchor, name) is not None)

"""Condition frames (R-100a to R-102j, R-130): one class for each type, told apart by `type`.

Belongs here: the shape of a frame and its limits. Does not belong here: what a `member` frame asks (`member`), what
holds between frames or settings (`rules`), and how a frame becomes SQL (`dbt_project/macros/conditions`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from ekiden.scenarios.member import MemberConditions
from ekiden.scenarios.values import Days, Part, PurchaseCount, Text

MAX_FRAMES = 99
"""R-100a; a fault of `rules`, so that the faults within the frames are told as well."""

MAX_PRODUCTS = 10  # R-100c
MAX_CATEGORIES = 5  # R-100d


class AtMost:
    """A limit of a list's length, as a fault of its own name, told beside the faults of what the list holds."""

    def __init__(self, most: int, rule: str, noun: str) -> None:
        self.most, self.rule, self.noun = most, rule, noun

    def __call__(self, value: object, read: ValidatorFunctionWrapHandler) -> object:
        if not isinstance(value, list | tuple) or len(value) <= self.most:
            return read(value)
        message = "{n} {noun}; there are at most {most}"
        limit = PydanticCustomError(self.rule, message, {"n": len(value), "noun": self.noun, "most": self.most})
        found: list[InitErrorDetails] = [{"type": limit, "input": value}]
        try:
            read(value)
        except ValidationError as error:
            found += map(_again, error.errors())
        raise ValidationError.from_exception_data(self.noun, found)


def _again(error: ErrorDetails) -> InitErrorDetails:
    """Return an error as one that can be raised once more."""
    same = PydanticCustomError(error["type"], error["msg"], error.get("ctx"))
    return {"type": same, "loc": error["loc"], "input": error["input"]}


Codes = Annotated[tuple[Text, ...], Field(min_length=1)]
Products = Annotated[
    Codes,
    Field(json_schema_extra={"maxItems": MAX_PRODUCTS}),
    WrapValidator(AtMost(MAX_PRODUCTS, "too_many_products", "products")),
]
Categories = Annotated[
    Codes,
    Field(json_schema_extra={"maxItems": MAX_CATEGORIES}),
    WrapValidator(AtMost(MAX_CATEGORIES, "too_many_categories", "categories")),
]

WITH_CODES = ConfigDict(json_schema_extra={"required": ["type", "codes"]})
"""Of the frames that `NEEDS_CODES` names: a rule says it with the other faults, and the schema as one writes."""


class _Frame(Part):
    relation: Literal["and", "or", "not"] | None = Field(
        None, description="How it joins the frames above it, which are taken together; required from the second on."
    )
    since: Literal["anchor", "all_time"] | None = Field(
        None, description="In `stop`: whether only what began after the anchor counts (C-12)."
    )


class _Occurrence(_Frame):
    """Something that happens at an instant."""

    within_days: Days | None = Field(
        None, description="It counts only until the end of the local day that many days after its own."
    )


class _Countable(_Occurrence):
    count: PurchaseCount | None = Field(None, description="How many orders (events); without it, one is enough.")


class ProductFrame(_Countable):
    """Orders that hold one of these products, or any product that is none of them."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["codes"]}, {"required": ["other_than"]}]},
    )

    type: Literal["product"]
    codes: Products | None = Field(None, description="Product codes; one of them is enough.")
    other_than: Products | None = Field(None, description="An order with any product that is none of these (R-130).")


class CategoryFrame(_Countable):
    """Orders that hold a product of one of these categories."""

    model_config = WITH_CODES

    type: Literal["category"]
    codes: Categories | None = Field(None, description="Category codes; one of them is enough.")


class OrderFrame(_Countable):
    """Any order."""

    type: Literal["order"]


class EventFrame(_Countable):
    """Things a customer did outside an order."""

    model_config = WITH_CODES

    type: Literal["event"]
    codes: Codes | None = Field(None, description="Event types, like viewed, searched, carted, opened, clicked.")
    products: Products | None = Field(None, description="Only events about these products.")


class SubscriptionFrame(_Occurrence):
    """A subscription was cancelled."""

    type: Literal["subscription_cancelled"]
    codes: Products | None = Field(None, description="Only subscriptions to these products.")
    reasons: Codes | None = Field(None, description="Only for these reasons; needs the option cancel_reason.")


class ScenarioFrame(_Occurrence):
    """The customer came into another scenario (R-130)."""

    type: Literal["scenario"]
    codes: Codes | None = Field(None, description="Codes of other scenarios; without them, any other.")


class SegmentFrame(_Frame):
    """The customer is in one of these segments."""

    model_config = WITH_CODES

    type: Literal["segment"]
    codes: Codes | None = Field(None, description="Names of models under models/segments; one is enough.")


class ListFrame(_Frame):
    """The customer is on one of these imported lists."""

    model_config = WITH_CODES

    type: Literal["list"]
    codes: Codes | None = Field(None, description="List codes; one of them is enough.")


class MemberFrame(_Frame):
    """The customer's record says so."""

    type: Literal["member"]
    member: MemberConditions = Field(description="What it must say; all that are given must hold.")


FRAME_TYPES: Mapping[str, type[_Frame]] = {
    "product": ProductFrame,
    "category": CategoryFrame,
    "order": OrderFrame,
    "event": EventFrame,
    "subscription_cancelled": SubscriptionFrame,
    "scenario": ScenarioFrame,
    "segment": SegmentFrame,
    "list": ListFrame,
    "member": MemberFrame,
}

NEEDS_CODES = ("category", "event", "segment", "list")
"""Frames that say nothing without codes; a product frame may have `other_than` instead."""

OF_ORDER_LINES = ("product", "category")
"""Frames about what an order holds: with `and_scope: same_order`, neighbours joined by `and` are about one order."""
OF_ORDERS = (*OF_ORDER_LINES, "order")
"""Frames that count orders."""

STATES = ("member", "segment", "list")
"""Frames that hold for a while rather than happen: there is no 'since the anchor' for them."""


def same_order_runs(frames: Sequence[tuple[object, object]]) -> Iterator[range]:
    """Yield the places, from 0, of neighbouring frames that must hold in one order (Q-05), two or more each.

    Of each frame the type and the relation are given. With nothing above it, the first one's `and` may be left out, and
    its `or` joins nothing.
    """
    first = 0
    for place, (kind, relation) in enumerate([*frames, (None, None)]):
        joins = relation in (None, "and") or (place == 0 and relation == "or")
        if kind not in OF_ORDER_LINES or not joins:
            if place - first > 1:
                yield range(first, place)
            first = place + 1


def frame_tag(name: str) -> str:
    """Return how pydantic calls a frame type within the place of a fault, unlike any key."""
    return f"<{name} frame>"


def _kind(value: Any) -> str | None:
    name = value.get("type") if isinstance(value, Mapping) else getattr(value, "type", None)
    return frame_tag(name) if isinstance(name, str) and name in FRAME_TYPES else None


Frame = Annotated[
    Annotated[ProductFrame, Tag("<product frame>")]
    | Annotated[CategoryFrame, Tag("<category frame>")]
    | Annotated[OrderFrame, Tag("<order frame>")]
    | Annotated[EventFrame, Tag("<event frame>")]
    | Annotated[SubscriptionFrame, Tag("<subscription_cancelled frame>")]
    | Annotated[ScenarioFrame, Tag("<scenario frame>")]
    | Annotated[SegmentFrame, Tag("<segment frame>")]
    | Annotated[ListFrame, Tag("<list frame>")]
    | Annotated[MemberFrame, Tag("<member frame>")],
    Discriminator(
        _kind,
        custom_error_type="unknown_frame_type",
        custom_error_message="a frame needs a type",
    ),
]

Frames = Annotated[tuple[Frame, ...], Field(json_schema_extra={"maxItems": MAX_FRAMES})]


class Conditions(Part):
    """Frames, folded left to right (R-100e, R-100i)."""

    frames: Frames = ()
    and_scope: Literal["customer", "same_order"] = Field(
        "customer",
        description="Whether neighbouring product and category frames joined by `and` must hold in one order (Q-05).",
    )


class Target(Conditions):
    """Who may enter."""

    active_subscriber: Literal["include", "exclude"] = Field(
        "include", description="Whether customers with a running subscription may enter (R-103a, R-103b)."
    )

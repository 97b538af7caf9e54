"""The scenario definition as it stands under `config.meta.scenario` of a dbt model, and its faults.

Belongs here: the shape, the defaults and the limits of a definition. Does not belong here: how conditions become SQL
(`dbt_project/macros`), and where definitions are kept (`ekiden.scenarios.registry`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

MAX_STEPS = 10  # R-135a, C-13
MAX_FRAMES = 99  # R-100a
MAX_PRODUCTS = 10  # R-100c
MAX_CATEGORIES = 5  # R-100d
MAX_DAYS = 3650  # ten years: more is a slip of the keyboard, and could leave the calendar of the database
ORDER_ANCHORS = {"ordered", "paid", "shipped", "desired_delivery"}
PLAIN_ANCHORS = ORDER_ANCHORS | {"member_registered"}
ARGUMENT_ANCHORS = {"entered", "list_imported", "event", "tag_granted"}


class Channel(StrEnum):
    """How a step reaches the customer."""

    HTML_EMAIL = "html_email"
    TEXT_EMAIL = "text_email"
    DM = "dm"
    OUTBOUND_CALL = "outbound_call"


SENT_CHANNELS = (Channel.HTML_EMAIL, Channel.TEXT_EMAIL)
EXPORTED_CHANNELS = (Channel.DM, Channel.OUTBOUND_CALL)  # lists are extracted, nothing is sent


def _minutes(value: object) -> object:
    # YAML reads an unquoted 12:00 as the number 720 (sexagesimal); say so instead of planning for 00:12
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise PydanticCustomError("time_not_quoted", "write the time in quotes, like '12:00'")
    return value


def _local(value: time) -> time:
    if value.tzinfo is not None:
        raise PydanticCustomError("time_not_local", "the time is the shop's local time; write it without an offset")
    return value


LocalTime = Annotated[time, BeforeValidator(_minutes), AfterValidator(_local)]


def _raise_all(faults: Sequence[tuple[tuple[int | str, ...], PydanticCustomError]], value: object) -> None:
    """Raise every given fault at once, each at its place below the field that is being validated."""
    if faults:
        details = [InitErrorDetails(type=fault, loc=place, input=value) for place, fault in faults]
        raise ValidationError.from_exception_data("scenario", details)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Period(_Part):
    """A range of local dates; either end may be open (R-101n)."""

    first: date | None = Field(None, alias="from")
    last: date | None = Field(None, alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first and self.last and self.first > self.last:
            raise PydanticCustomError("period_reversed", "the period ends before it begins")
        return self


class SendWindow(_Part):
    """The local times between which a step may be planned, both ends included (R-109a, R-109e)."""

    first: LocalTime = Field(alias="from")
    last: LocalTime = Field(alias="to")


class PurchaseCount(_Part):
    """How many orders, never how many pieces (R-102b, R-102h)."""

    op: Literal["eq", "gte", "lte"]
    n: int = Field(ge=1)


class Frame(_Part):
    """One condition frame (R-100b): orders of products or categories, any order, or events."""

    type: Literal["product", "category", "order", "event"]
    codes: tuple[str, ...] = ()
    count: PurchaseCount | None = None
    relation: Literal["and", "or", "not"] | None = None
    since: Literal["anchor", "all_time"] | None = None

    @model_validator(mode="after")
    def _codes_fit_type(self) -> Self:
        if self.type == "order" and self.codes:
            raise PydanticCustomError("codes_not_allowed", "an order frame means any order and takes no codes")
        if self.type != "order" and not self.codes:
            raise PydanticCustomError("codes_required", "a {type} frame needs at least one code", {"type": self.type})
        if self.type == "product" and len(self.codes) > MAX_PRODUCTS:
            raise PydanticCustomError(
                "too_many_products", "{n} products; a frame holds at most 10", {"n": len(self.codes)}
            )
        if self.type == "category" and len(self.codes) > MAX_CATEGORIES:
            raise PydanticCustomError(
                "too_many_categories", "{n} categories; a frame holds at most 5", {"n": len(self.codes)}
            )
        return self


class Conditions(_Part):
    """Frames, folded left to right (R-100e, R-100i)."""

    frames: tuple[Frame, ...] = ()

    @field_validator("frames")
    @classmethod
    def _related(cls, frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
        if len(frames) > MAX_FRAMES:
            raise PydanticCustomError("too_many_frames", "{n} frames; there are at most 99", {"n": len(frames)})
        unrelated = [index for index, frame in enumerate(frames) if index > 0 and frame.relation is None]
        fault = PydanticCustomError("relation_required", "every frame after the first needs a relation: and, or, not")
        _raise_all([((index, "relation"), fault) for index in unrelated], frames)
        return frames


class Target(Conditions):
    """Who may enter."""

    active_subscriber: Literal["include", "exclude"] = "include"

    @field_validator("frames")
    @classmethod
    def _not_counted_from_the_anchor(cls, frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
        if any(frame.since == "anchor" for frame in frames):
            raise PydanticCustomError(
                "since_not_allowed", "'since: anchor' belongs to stop conditions; a target decides what the anchor is"
            )
        return frames


class OrderFilter(_Part):
    """Which orders may be the anchor (R-085, R-103c, R-103d)."""

    kind: Literal["all", "one_off", "subscription"] = "all"
    continuation_no: int | None = Field(None, ge=1)
    period: Period | None = None


class Step(_Part):
    """One step of the chain (R-135a to R-135k)."""

    offset_days: int = Field(ge=0, le=MAX_DAYS)
    send_time: LocalTime = time(12, 0)
    # by the customer's own habit; without one, or outside the send window, `send_time` (R-109b to R-109d)
    auto_send_time: Literal["none", "latest_purchase", "first_purchase"] = "none"
    channel: Channel = Channel.HTML_EMAIL
    content: str | None = None
    state: Literal["enabled", "force_stopped"] = "enabled"


class ScenarioDefinition(_Part):
    """One scenario, with the defaults of the settings that the sources disagree on (C-01 to C-19)."""

    code: str = Field(min_length=1, max_length=100)
    name: str = Field(min_length=1, max_length=200)
    status: Literal["draft", "enabled", "disabled"] = "draft"
    source: Literal["purchase_count", "customer_analysis", "csv_list", "segment", "event"] = "purchase_count"
    anchor: str | dict[str, str]
    orders: OrderFilter = OrderFilter()
    target: Target = Target()
    exclusion: Conditions = Conditions()
    stop: Conditions = Conditions()
    period: Period | None = None
    look_back_days: int | None = Field(None, ge=0, le=MAX_DAYS)
    reentry: Literal["never", "after_exit", "per_anchor"] = "never"
    enrol_at: Literal["first_step_due", "anchor"] | None = None
    zero_day: Literal["next_day", "same_day"] | None = None
    offset_basis: Literal["anchor", "previous_step"] = "anchor"
    past_date_policy: Literal["hold", "skip", "send_now"] = "hold"
    past_time_today: Literal["send_now", "hold"] = "send_now"
    consent_recheck: bool | None = None
    on_skip: Literal["end", "continue"] = "end"
    send_window: SendWindow | None = SendWindow(**{"from": time(8, 0), "to": time(22, 0)})
    steps: tuple[Step, ...]

    @field_validator("anchor", mode="before")
    @classmethod
    def _one_known_anchor(cls, anchor: object) -> object:
        if isinstance(anchor, str):
            if anchor in PLAIN_ANCHORS:
                return anchor
            needs_argument = anchor in ARGUMENT_ANCHORS
            raise PydanticCustomError(
                "anchor_incomplete" if needs_argument else "unknown_anchor",
                "{anchor} needs to say which, like '{{anchor}: name}'"
                if needs_argument
                else "{anchor} is no anchor; known: {known}",
                {"anchor": anchor, "known": ", ".join(sorted(PLAIN_ANCHORS | ARGUMENT_ANCHORS))},
            )
        if not isinstance(anchor, Mapping) or len(anchor) != 1:
            raise PydanticCustomError("exactly_one_anchor", "a scenario has exactly one anchor")
        kind = next(iter(anchor))
        if kind not in ARGUMENT_ANCHORS:
            raise PydanticCustomError(
                "unknown_anchor",
                "{kind} is no anchor with an argument; known: {known}",
                {"kind": str(kind), "known": ", ".join(sorted(ARGUMENT_ANCHORS))},
            )
        if not isinstance(anchor[kind], str) or not anchor[kind]:
            raise PydanticCustomError(
                "anchor_incomplete", "{kind} needs to say which, like '{{kind}: name}'", {"kind": str(kind)}
            )
        return anchor

    @field_validator("orders")
    @classmethod
    def _orders_can_anchor(cls, orders: OrderFilter, info: ValidationInfo) -> OrderFilter:
        anchor = info.data.get("anchor")
        kind = anchor if isinstance(anchor, str) else next(iter(anchor or {"ordered": ""}))
        if orders != OrderFilter() and kind not in ORDER_ANCHORS:
            raise PydanticCustomError(
                "order_period_not_allowed",
                "order filters need an anchor that is an order; {anchor} is not (R-086)",
                {"anchor": kind},
            )
        return orders

    @field_validator("steps")
    @classmethod
    def _steps_can_be_sent(cls, steps: tuple[Step, ...], info: ValidationInfo) -> tuple[Step, ...]:
        faults: list[tuple[tuple[int | str, ...], PydanticCustomError]] = []
        if not steps:
            raise PydanticCustomError("steps_required", "a scenario has at least one step")
        if len(steps) > MAX_STEPS:
            fault = PydanticCustomError("too_many_steps", "{n} steps; a scenario has at most 10", {"n": len(steps)})
            faults.append(((), fault))
        window = info.data.get("send_window")
        for index, step in enumerate(steps):
            minute = step.send_time.replace(second=0, microsecond=0)
            if window and not window.first <= minute <= window.last:
                times = {
                    "number": index + 1,
                    "time": f"{step.send_time:%H:%M}",
                    "first": f"{window.first:%H:%M}",
                    "last": f"{window.last:%H:%M}",
                }
                message = "step {number} is sent at {time}, outside the window {first} to {last}"
                faults.append(((index, "send_time"), PydanticCustomError("outside_send_window", message, times)))
            if info.data.get("status") == "enabled" and not step.content:
                message = "step {number} has no content; an enabled scenario needs it"
                fault = PydanticCustomError("content_required", message, {"number": index + 1})
                faults.append(((index, "content"), fault))
        _raise_all(faults, steps)
        return steps

    @property
    def anchor_kind(self) -> str:
        return self.anchor if isinstance(self.anchor, str) else next(iter(self.anchor))

    @property
    def enrols_at(self) -> str:
        """When eligibility is judged (C-05): sources that know no order enter at their anchor."""
        return self.enrol_at or ("anchor" if self.source in {"segment", "event"} else "first_step_due")

    @property
    def zero_means(self) -> str:
        """What '0 days' means (C-01): the next day, but for a list the day of its import (R-105, R-106)."""
        if self.source == "csv_list":
            return "same_day"
        return self.zero_day or "next_day"

    @property
    def rechecks_consent(self) -> bool:
        """Whether consent is read again just before sending (C-09, R-140, R-141)."""
        return self.consent_recheck if self.consent_recheck is not None else self.source != "customer_analysis"

    def running_steps(self) -> int:
        """Return how many steps run: a forced stop stops every step below it as well (R-135c)."""
        for number, step in enumerate(self.steps):
            if step.state == "force_stopped":
                return number
        return len(self.steps)


@dataclass(frozen=True)
class DefinitionFault:
    """One fault: the rule it breaks, where it stands and what would be right."""

    rule: str
    place: str
    message: str


def check(definition: object) -> tuple[ScenarioDefinition | None, tuple[DefinitionFault, ...]]:
    """Return the scenario a definition describes, or None with every fault that was found; never raises."""
    if not isinstance(definition, Mapping):
        return None, (DefinitionFault("not_a_mapping", "scenario", "a scenario is a mapping of settings"),)
    try:
        return ScenarioDefinition.model_validate(dict(definition)), ()
    except ValidationError as error:
        return None, tuple(_fault(item) for item in error.errors())


def _fault(item: Any) -> DefinitionFault:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in item["loc"]).lstrip(".")
    message = item["msg"]
    if item["type"] == "extra_forbidden":
        message = _unknown_setting(item["loc"])
    elif item["type"] == "missing":
        message = "it is required"
    return DefinitionFault(item["type"], place or "scenario", message)


def _unknown_setting(location: tuple[int | str, ...]) -> str:
    """Return what may stand where an unknown key was found, and what was probably meant."""
    part: type[BaseModel] = ScenarioDefinition
    for name in location[:-1]:
        if isinstance(name, str):
            fields = {field.alias or key: field for key, field in part.model_fields.items()}
            part = next(_parts(fields[name].annotation), part)
    known = [field.alias or key for key, field in part.model_fields.items()]
    meant = get_close_matches(str(location[-1]), known, n=1)
    return f"no such setting{f', perhaps {meant[0]}' if meant else ''}; known here: {', '.join(known)}"


def _parts(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models in a field's type, like `Frame` in `tuple[Frame, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _parts(argument)

"""A scenario as a script writes it: the shorthand that `translate` turns into a definition.

Belongs here: which keys there are. Does not belong here: what they mean (`translate`). Wherever a value may be one or
many, both are read; what is written in Ekiden's own language is kept as it stands.
"""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from tests.acceptance.reading import LocalDay, NotedPart, Part, TimeOfDay, nothing_as, two_digit_hours


def _listed(given: object) -> object:
    if given is None:
        return ()
    return given if isinstance(given, list | tuple | dict) else (given,)


# 6h, 30m, 1h30m, 2 days
LENGTH = re.compile(
    r"(?:(?P<days>\d+) ?(?:d|days?))? ?(?:(?P<hours>\d+) ?(?:h|hours?))? ?(?:(?P<minutes>\d+) ?(?:m|min|minutes?))?"
)


def _length(given: object) -> object:
    if not isinstance(given, str):
        return given
    found = LENGTH.fullmatch(given.strip())
    if not found or not any(found.groups()):
        raise ValueError("write a length of time like 6h, 30m or 1h30m")
    return timedelta(**{unit: int(number) for unit, number in found.groupdict().items() if number})


Many = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Frame = dict[str, Any]


class Period(Part):
    first: LocalDay | None = Field(None, validation_alias=AliasChoices("from", "start", "start_date"))
    last: LocalDay | None = Field(None, validation_alias=AliasChoices("to", "end", "end_date"))


class MemberWords(Part):
    """The keys of a member frame, written without one."""

    address: Any = None
    postal_code: Any = None
    gender: Any = None
    newsletter: Any = None
    registered_on: Any = None
    rank: Any = Field(None, validation_alias=AliasChoices("rank", "ranks", "member_rank"))
    last_ordered_on: Any = None
    first_ordered_on: Any = None
    last_ordered_days_ago: Any = None
    birth_date: Any = None
    birth_month: Any = Field(None, validation_alias=AliasChoices("birth_month", "birth_months"))
    age: Any = Field(None, validation_alias=AliasChoices("age", "ages", "age_bands"))
    birthday: Any = None
    last_login_on: Any = None
    last_login_days_ago: Any = None
    tag: Any = Field(None, validation_alias=AliasChoices("tag", "tags", "member_tag"))
    custom: Any = Field(None, validation_alias=AliasChoices("custom", "custom_fields"))


class Conditions(MemberWords):
    """Conditions without frames, and frames after them."""

    products: Many = Field((), validation_alias=AliasChoices("products", "product"))
    other_products: Many = Field((), validation_alias=AliasChoices("other_products", "other_than"))
    """Bought anything that is none of these."""
    categories: Many = Field((), validation_alias=AliasChoices("categories", "category"))
    events: Many = Field((), validation_alias=AliasChoices("events", "event"))
    segments: Many = Field((), validation_alias=AliasChoices("segments", "segment"))
    lists: Many = Field((), validation_alias=AliasChoices("lists", "list"))
    order: Any = Field(None, validation_alias=AliasChoices("order", "any_order", "any_purchase", "other_purchase"))
    """True: any order at all."""
    scenarios: Any = Field(None, validation_alias=AliasChoices("scenarios", "scenario", "other_scenario"))
    """Codes of scenarios that the customer came into; true: any other one."""
    subscription_cancelled: Any = None
    """True, products, or a mapping of products and reasons."""
    member: Annotated[dict[str, Any], nothing_as({})] = Field(default_factory=dict)
    count: dict[str, Any] | None = Field(None, validation_alias=AliasChoices("count", "purchase_count"))
    """How many orders of the products or categories; without any, how many events or orders at all."""
    within_days: int | None = None
    since: str | None = None
    and_scope: str | None = None
    """Whether neighbouring frames that are joined by `and` are about one order (Q-05)."""
    frames: Annotated[tuple[Frame, ...], nothing_as(())] = ()


class Target(Conditions):
    active_subscriber: Literal["include", "exclude"] | None = Field(
        None, validation_alias=AliasChoices("active_subscriber", "active_subscriber_rule", "active_subscribers")
    )
    order_kind: Literal["all", "one_off", "subscription"] | None = None
    continuation_no: int | None = Field(
        None, validation_alias=AliasChoices("continuation_no", "continuation_no_at_purchase")
    )
    exclude: Conditions | None = None
    exclude_products: Many = ()
    exclude_categories: Many = ()
    exclude_segments: Many = ()
    exclude_lists: Many = ()
    exclude_events: Many = ()
    exclude_tags: Many = ()
    exclude_member: Annotated[dict[str, Any], nothing_as({})] = Field(default_factory=dict)


class Step(NotedPart):
    offset: int = Field(validation_alias=AliasChoices("offset", "offset_days"))
    time: TimeOfDay = Field("12:00", validation_alias=AliasChoices("time", "send_time"))
    auto: str = Field("none", validation_alias=AliasChoices("auto", "auto_send_time"))
    channel: str = "html_email"
    content: str | None = None
    """What a step sends; without the key a sample, and none where nothing, `""` or `none` stands there."""
    state: Literal["enabled", "force_stopped"] = "enabled"


class Scenario(NotedPart):
    code: str = Field(validation_alias=AliasChoices("code", "scenario_code"))
    name: str | None = Field(None, validation_alias=AliasChoices("name", "scenario_name"))
    status: Literal["draft", "enabled", "disabled"] = "enabled"
    source: str | None = None
    anchor: str | dict[str, Any] = "ordered"
    event: str | None = None
    segment: str | None = None
    tag: str | None = None
    list_code: str | None = Field(None, validation_alias=AliasChoices("list", "list_code"))
    n: int | None = Field(None, validation_alias=AliasChoices("n", "nth"))
    products: Many = Field((), validation_alias=AliasChoices("products", "product"))
    """Of the anchors that name products: the subscription that was cancelled, the product bought for the n-th time."""
    reasons: Many = Field((), validation_alias=AliasChoices("reasons", "reason", "cancel_reasons", "cancel_reason"))
    site: str | None = None
    start: str | None = Field(None, validation_alias=AliasChoices("start", "start_date", "starts_on"))
    target: Annotated[Target, nothing_as({})] = Field(
        Target(), validation_alias=AliasChoices("target", "target_conditions")
    )
    exclusion: Annotated[Conditions, nothing_as({})] = Field(
        Conditions(), validation_alias=AliasChoices("exclusion", "exclude")
    )
    stop: Annotated[Conditions, nothing_as({})] = Field(
        Conditions(), validation_alias=AliasChoices("stop", "stop_condition", "stop_conditions")
    )
    orders: Annotated[dict[str, Any], nothing_as({})] = Field(default_factory=dict)
    order_period: Period | None = None
    period: Period | None = Field(None, validation_alias=AliasChoices("period", "scenario_period"))
    look_back_days: int | None = None
    zero_day: str | None = None
    offset_basis: str | None = None
    past_date_policy: str | None = None
    past_time_today: str | None = None
    reentry: str | None = None
    on_retrigger: str | None = None
    enrol_at: str | None = None
    multi_delivery: bool | None = None
    priority: int | None = None
    consent_recheck: bool | None = None
    address_policy: dict[str, Any] | None = None
    variant_by_domain: bool | None = None
    recheck_order_status: bool | None = None
    excluded_order_statuses: Many | None = None
    count_excludes_status: Many | None = None
    backfill_as_of: str | None = None
    hold_expires_after_days: int | None = None
    on_skip: str | None = None
    disable_mode: str | None = None
    reevaluate_on_update: bool | None = None
    max_lateness: Annotated[timedelta | None, BeforeValidator(_length)] = None
    send_window: Any = ("08:00", "22:00")
    steps: tuple[Step, ...]

    @model_validator(mode="before")
    @classmethod
    def _window_in_one_word(cls, given: Any) -> Any:
        window = given.get("send_window") if isinstance(given, dict) else None
        if isinstance(window, str):
            ends = [end.strip() for end in window.replace("–", "-").split("-")]
            window = None if window == "none" else ends
        if isinstance(window, list | tuple):
            if len(window) != len(("from", "to")):
                raise ValueError('a send window has two ends, like ["08:00", "22:00"]')
            window = tuple(map(two_digit_hours, window))
        return given | {"send_window": window} if isinstance(given, dict) and "send_window" in given else given

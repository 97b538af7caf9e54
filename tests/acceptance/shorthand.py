"""A scenario as a script writes it: the shorthand that `translate` turns into a definition.

Belongs here: which keys there are. Does not belong here: what they mean (`translate`). Wherever a value may be one or
many, both are read; what is written in Ekiden's own language is kept as it stands.
"""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from tests.acceptance.reading import Part


def _listed(given: object) -> object:
    return given if isinstance(given, list | tuple | dict) or given is None else (given,)


Many = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Frame = dict[str, Any]


class Period(Part):
    first: date | None = Field(None, alias="from")
    last: date | None = Field(None, alias="to")


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
    member: dict[str, Any] = Field(default_factory=dict)
    count: dict[str, Any] | None = Field(None, validation_alias=AliasChoices("count", "purchase_count"))
    """How many orders of the products or categories; without any, how many orders at all."""
    within_days: int | None = None
    since: str | None = None
    and_scope: str | None = None
    """Whether neighbouring frames that are joined by `and` are about one order (Q-05)."""
    frames: tuple[Frame, ...] = ()


class Target(Conditions):
    active_subscriber: Literal["include", "exclude"] | None = None
    order_kind: Literal["all", "one_off", "subscription"] | None = None
    continuation_no: int | None = None
    exclude: Conditions | None = None
    exclude_products: Many = ()
    exclude_categories: Many = ()
    exclude_segments: Many = ()
    exclude_lists: Many = ()
    exclude_events: Many = ()
    exclude_tags: Many = ()
    exclude_member: dict[str, Any] = Field(default_factory=dict)


class Step(Part):
    offset: int = Field(validation_alias=AliasChoices("offset", "offset_days"))
    time: str = Field("12:00", validation_alias=AliasChoices("time", "send_time"))
    auto: str = Field("none", validation_alias=AliasChoices("auto", "auto_send_time"))
    channel: str = "html_email"
    content: str | None = None
    state: Literal["enabled", "force_stopped"] = "enabled"


class Scenario(Part):
    code: str
    name: str | None = None
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
    target: Target = Target()
    exclusion: Conditions = Field(Conditions(), validation_alias=AliasChoices("exclusion", "exclude"))
    stop: Conditions = Conditions()
    orders: dict[str, Any] = Field(default_factory=dict)
    order_period: Period | None = None
    period: Period | None = None
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
    max_lateness: str | None = None
    send_window: Any = ("08:00", "22:00")
    steps: tuple[Step, ...]

    @model_validator(mode="before")
    @classmethod
    def _window_in_one_word(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("send_window"), str):
            given = given | {"send_window": tuple(given["send_window"].replace("–", "-").split("-"))}
        return given

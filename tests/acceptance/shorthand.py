"""A scenario as a script writes it: the shorthand that `translate` turns into a definition."""

from datetime import date
from typing import Any, Literal

from pydantic import Field, model_validator

from tests.acceptance.reading import Part


class Count(Part):
    op: Literal["eq", "gte", "lte"]
    n: int


class Frame(Part):
    type: Literal["product", "category", "order", "event"]
    codes: tuple[str, ...] = ()
    count: Count | None = None
    rel: Literal["and", "or", "not"] | None = None
    since: Literal["anchor", "all_time"] | None = None


class Period(Part):
    first: date | None = Field(None, alias="from")
    last: date | None = Field(None, alias="to")


class Target(Part):
    products: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    frames: tuple[Frame, ...] = ()
    exclude_products: tuple[str, ...] = ()
    exclude_categories: tuple[str, ...] = ()
    active_subscriber: Literal["include", "exclude"] | None = None
    order_kind: Literal["all", "one_off", "subscription"] | None = None
    continuation_no: int | None = None


class Stop(Part):
    products: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    frames: tuple[Frame, ...] = ()


class Step(Part):
    offset: int
    time: str = "12:00"
    auto: str = "none"
    channel: str = "html_email"
    state: Literal["enabled", "force_stopped"] = "enabled"


class Scenario(Part):
    code: str
    name: str | None = None
    status: Literal["draft", "enabled", "disabled"] = "enabled"
    source: str | None = None
    anchor: str = "ordered"
    event: str | None = None
    segment: str | None = None
    tag: str | None = None
    target: Target = Target()
    stop: Stop = Stop()
    order_period: Period | None = None
    period: Period | None = None
    look_back_days: int | None = None
    zero_day: str | None = None
    offset_basis: str | None = None
    past_date_policy: str | None = None
    past_time_today: str | None = None
    reentry: str | None = None
    enrol_at: str | None = None
    multi_delivery: bool = True
    priority: int | None = None
    consent_recheck: bool | None = None
    on_skip: str | None = None
    max_lateness: str | None = None
    send_window: tuple[str, str] | None = ("08:00", "22:00")
    steps: tuple[Step, ...]

    @model_validator(mode="before")
    @classmethod
    def _window_in_one_word(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("send_window"), str):
            given = given | {"send_window": tuple(given["send_window"].replace("–", "-").split("-"))}
        return given

"""The format of an acceptance script, as README.md beside this file describes it.

Belongs here: the shape of its facts and its timeline; a key it does not know is a fault, never ignored. Does not
belong here: what the facts mean for the shop's tables (`facts`) and what the operations do (`play`).
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from ekiden.delivery.consent.opt_outs import OptOutChannel
from ekiden.schedule.rows import RowState
from tests.acceptance.reading import ZONE, Instant, Part
from tests.acceptance.shorthand import Conditions, Many, Scenario

REGISTERED_BY_DEFAULT = datetime(2023, 1, 1, tzinfo=ZONE)
NO_TIME = "-"
NewsletterStatus = Literal["both", "pc", "mobile", "none"]

# facts


class Customer(Part):
    id: str
    registered: Instant = Field(REGISTERED_BY_DEFAULT, validation_alias=AliasChoices("registered", "registered_at"))
    newsletter: NewsletterStatus = "both"
    duplicate: Literal["confirmed", "unconfirmed", "on_hold"] = "confirmed"
    site: str | None = Field(None, validation_alias=AliasChoices("site", "access_url"))
    has_address: bool = True
    email: str | None = None
    """Without one, an address that is made up; `""`: none."""
    email_2: str | None = None
    mail_format: Literal["text", "html"] | None = None
    phone: str | None = None
    line_user_id: str | None = None
    gender: Literal["male", "female"] | None = None
    birth_date: date | None = Field(None, validation_alias=AliasChoices("birth_date", "birthday", "born"))
    postal_code: str | None = None
    address: str | None = None
    rank: str | None = Field(None, validation_alias=AliasChoices("rank", "member_rank"))
    last_login: Instant | None = Field(None, validation_alias=AliasChoices("last_login", "last_login_at"))
    custom: dict[str, Any] | None = Field(None, validation_alias=AliasChoices("custom", "custom_fields"))
    tags: tuple[str, ...] | dict[str, Instant] = ()
    """Tags with the instant of their grant; of those in a list, that of the registration."""
    segments: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()


class Order(Part):
    id: str
    customer: str
    at: Instant
    recorded: Instant | None = None
    lines: tuple[str, ...] = ()
    kind: Literal["one_off", "subscription"] = "one_off"
    continuation_no: int | None = None
    status: str = "new"
    payment: str | None = None
    authorised: date | None = None
    paid: date | None = None
    shipped: date | None = None
    desired_delivery: date | None = None
    site: str | None = Field(None, validation_alias=AliasChoices("site", "access_url"))


class PaymentMethod(Part):
    type: Literal["other", "coupon", "points"] = "other"
    paid_display: Literal["show", "hide"] = "hide"


class Subscription(Part):
    """A subscription without its orders."""

    customer: str
    product: str | None = None
    started: Instant = Field(REGISTERED_BY_DEFAULT, validation_alias=AliasChoices("started", "started_at", "at"))
    cancelled: Instant | None = Field(None, validation_alias=AliasChoices("cancelled", "cancelled_at"))
    reason: str | None = Field(None, validation_alias=AliasChoices("reason", "cancel_reason"))


class Segment(Conditions):
    """Who is in a segment: those named, those who entered by events, or whom conditions hold for."""

    kind: Literal["condition", "condition_segment", "fixed_list", "fixed"] | None = Field(
        None, validation_alias=AliasChoices("kind", "type")
    )
    customers: Many = Field((), validation_alias=AliasChoices("customers", "members"))
    since: Instant | None = None
    """Since when those named are in it; without it, since ever."""

    @model_validator(mode="before")
    @classmethod
    def _from_names(cls, given: Any) -> Any:
        return {"customers": given} if isinstance(given, list) else given


# what each type of event says; any other type is an event of the customer, with a product where it has one
EVENT_KEYS = {
    "order_status": {"order", "status"},
    "newsletter": {"customer", "status"},
    "duplicate": {"customer", "status"},
    "suppressed": {"customer"},
    "opt_out": {"customer", "channel", "site"},
    "subscription_started": {"customer", "product"},
    "subscription_cancelled": {"customer", "product", "reason"},
    "list_imported": {"customer", "scenario", "list"},
    "tag_granted": {"customer", "tag", "by"},
    "tag_removed": {"customer", "tag"},
    "segment_entered": {"customer", "segment"},
    "segment_left": {"customer", "segment"},
    "rank": {"customer", "rank"},
    "login": {"customer"},
    "customer_changed": {"customer", "change"},
    "order_changed": {"order", "change"},
}
OPTIONAL_EVENT_KEYS = {"product", "recorded", "reason", "scenario", "list", "by", "rank", "channel", "site"}
# other words for the same
EVENT_TYPES = {
    "tag": "tag_granted",
    "tag_granted_again": "tag_granted",
    "tag_revoked": "tag_removed",
    "rank_changed": "rank",
    "member_rank": "rank",
    "newsletter_status": "newsletter",
    "newsletter_changed": "newsletter",
    "entered": "segment_entered",
    "left": "segment_left",
    "customer_updated": "customer_changed",
    "order_updated": "order_changed",
    "opted_out": "opt_out",
    "suppress": "suppressed",
}


class Event(Part):
    at: Instant
    recorded: Instant | None = None
    type: Annotated[str, BeforeValidator(lambda given: EVENT_TYPES.get(given, given))]
    customer: str | None = None
    order: str | None = None
    product: str | None = None
    status: str | None = None
    scenario: str | None = None
    list_code: str | None = Field(None, alias="list")
    tag: str | None = None
    by: str | None = Field(None, validation_alias=AliasChoices("by", "via", "source"))
    """Who granted a tag; it makes no difference (R-072)."""
    segment: str | None = None
    rank: str | None = Field(None, validation_alias=AliasChoices("rank", "value"))
    reason: str | None = Field(None, validation_alias=AliasChoices("reason", "cancel_reason"))
    change: dict[str, Any] = Field(default_factory=dict)
    channel: OptOutChannel | None = None
    """What somebody opts out of; without it, every channel."""
    site: str | None = None
    """The site that an opt-out is about; without it, every site."""

    @model_validator(mode="after")
    def _says_what_its_type_needs(self) -> "Event":
        expected = EVENT_KEYS.get(self.type, {"customer", "product"})
        given = {"list" if name == "list_code" else name for name in self.model_fields_set} - {"at", "type"}
        if unknown := sorted(given - expected - {"recorded"}):
            raise ValueError(f"unknown key {unknown[0]!r} in an event of type {self.type!r}")
        if missing := sorted(expected - given - OPTIONAL_EVENT_KEYS):
            raise ValueError(f"an event of type {self.type!r} needs {missing[0]!r}")
        if self.type == "list_imported" and not (self.scenario or self.list_code):
            raise ValueError("an event of type 'list_imported' needs 'list' or 'scenario'")
        return self


# the timeline


class ExpectedRow(Part):
    scenario: str
    customer: str
    step: int
    due_date: date
    status: RowState
    time: Instant | Literal["-"]
    reason: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, given: Any) -> Any:
        # a row that is neither ready nor sent has no time to tell
        if isinstance(given, list) and len(given) == len(("scenario", "customer", "step", "due_date", "status")):
            given = [*given, NO_TIME]
        return _named(given, ("scenario", "customer", "step", "due_date", "status", "time"), "reason")


class ExpectedEnrolment(Part):
    scenario: str
    customer: str
    state: Literal["active", "completed", "stopped", "removed"]
    exit_reason: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, given: Any) -> Any:
        return _named(given, ("scenario", "customer", "state"), "exit_reason")


def _named(given: Any, names: tuple[str, ...], optional: str) -> Any:
    if not isinstance(given, list):
        return given
    if not len(names) <= len(given) <= len(names) + 1:
        raise ValueError(f"write [{', '.join(names)}] and, where it matters, {optional}")
    return dict(zip((*names, optional), given, strict=False))


# a field of that name would hide the type
Day = date


class Operation(Part):
    """One moment of the timeline: what is done, and what must be true after it."""

    at: Instant
    rows: tuple[ExpectedRow, ...] | None = None
    enrolments: tuple[ExpectedEnrolment, ...] | None = None
    step_states: dict[str, tuple[str, ...]] | None = None
    provider_calls: int | None = None
    recipients: tuple[str, ...] | None = None
    """The addresses of all messages the provider was handed since the script began, in any order."""


class Run(Operation):
    """The morning's build and planning; of the day it happens on where no date is given."""

    do: Literal["run"]
    date: Day | None = None
    to: Day | None = None
    """The last of several days."""


class Dispatch(Operation):
    do: Literal["dispatch"]
    crash_after_claim: bool = False


class Reconcile(Operation):
    do: Literal["reconcile"]
    provider_says: Literal["accepted", "refused", "not_sent", "unknown"]


class OnRows(Operation):
    """An operator's action on the rows that fit."""

    scenario: str
    customer: str | None = None
    step: int | None = None


class Release(OnRows):
    do: Literal["release"]


class Delete(OnRows):
    do: Literal["delete"]


class Set(OnRows):
    do: Literal["set"]
    status: Literal["ready", "held", "completed", "blocked"]
    reason: str | None = None


class DmExport(Operation):
    do: Literal["dm_export"]
    scenario: str | None = None


class Enable(Operation):
    do: Literal["enable"]
    scenario: str
    step: int | None = None
    """A step that was stopped by force; without it, the scenario."""


class Disable(Operation):
    do: Literal["disable"]
    scenario: str
    mode: Literal["freeze", "drain"] | None = Field(None, validation_alias=AliasChoices("mode", "disable_mode"))


class EditScenario(Operation):
    do: Literal["edit_scenario", "edit"]
    scenario: str
    change: dict[str, Any]


class ForceStop(Operation):
    do: Literal["force_stop"]
    scenario: str
    step: int


AnyOperation = Annotated[
    Run | Dispatch | Reconcile | Release | Delete | Set | DmExport | Enable | Disable | EditScenario | ForceStop,
    Field(discriminator="do"),
]


class Script(Part):
    """One acceptance script."""

    # a title, a source or a note of whoever wrote it
    title: str | None = None
    about: Any = Field(None, validation_alias=AliasChoices("about", "note", "notes", "source", "seed", "seeds"))

    id: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,15}$")
    scenarios: tuple[Scenario, ...]
    customers: tuple[Customer, ...]
    orders: tuple[Order, ...] = ()
    events: tuple[Event, ...] = ()
    payment_methods: dict[str, PaymentMethod] = Field(default_factory=dict)
    categories: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    subscriptions: tuple[Subscription, ...] = ()
    segments: dict[str, Segment] = Field(default_factory=dict)
    lists: dict[str, Many | dict[str, Instant]] = Field(default_factory=dict)
    """Lists as names, on them since the customer's registration, or each with the instant of the import."""
    options: tuple[str, ...] | None = None
    """What the shop has beyond the ordinary; without it, everything there is."""
    timeline: tuple[AnyOperation, ...]

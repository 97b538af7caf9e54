"""The format of an acceptance script, as README.md beside this file describes it.

Belongs here: the shape of its facts and its timeline; a key it does not know is a fault, never ignored. Does not
belong here: what the facts mean for the shop's tables (`facts`) and what the operations do (`play`).
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from ekiden.delivery.consent.opt_outs import OptOutChannel
from ekiden.schedule.rows import RowState
from tests.acceptance.reading import ZONE, Instant, LocalDay, NotedPart, Part, nothing_as
from tests.acceptance.shorthand import Conditions, Many, Scenario

REGISTERED_BY_DEFAULT = datetime(2023, 1, 1, tzinfo=ZONE)
NO_TIME = "-"
NewsletterStatus = Literal["both", "pc", "mobile", "none"]

# facts


class Customer(NotedPart):
    id: str
    registered: Instant = Field(REGISTERED_BY_DEFAULT, validation_alias=AliasChoices("registered", "registered_at"))
    newsletter: NewsletterStatus = "both"
    duplicate: Literal["confirmed", "unconfirmed", "on_hold"] = "confirmed"
    site: str | None = Field(None, validation_alias=AliasChoices("site", "access_url"))
    has_address: bool = True
    email: str | None = None
    """Without the key, an address that is made up; `""` or nothing behind it: none. So with what follows."""
    phone: str | None = None
    line_user_id: str | None = Field(None, validation_alias=AliasChoices("line_user_id", "line_id"))
    push_token: str | None = Field(
        None, validation_alias=AliasChoices("push_token", "web_push_subscription", "push_subscription")
    )
    """That there is a browser to push to; what the provider needs of it is made up in any case."""
    email_2: str | None = None
    mail_format: Literal["text", "html"] | None = None
    gender: Literal["male", "female"] | None = None
    birth_date: LocalDay | None = Field(None, validation_alias=AliasChoices("birth_date", "birthday", "born"))
    postal_code: str | None = None
    address: str | None = None
    rank: str | None = Field(None, validation_alias=AliasChoices("rank", "member_rank"))
    last_login: Instant | None = Field(None, validation_alias=AliasChoices("last_login", "last_login_at"))
    custom: dict[str, Any] | None = Field(None, validation_alias=AliasChoices("custom", "custom_fields"))
    tags: Annotated[Many | dict[str, Instant], nothing_as(())] = ()
    """Tags with the instant of their grant; of those in a list, that of the registration."""
    segments: Many = ()
    lists: Many = ()


class Order(NotedPart):
    id: str
    customer: str
    at: Instant
    recorded: Instant | None = None
    lines: Many = ()
    kind: Literal["one_off", "subscription"] = "one_off"
    continuation_no: int | None = None
    status: str = "new"
    payment: str | None = None
    authorised: LocalDay | None = None
    paid: LocalDay | None = None
    shipped: LocalDay | None = None
    desired_delivery: LocalDay | None = None
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


class Segment(Conditions, NotedPart):
    """Who is in a segment: those named, those who entered by events, or whom conditions hold for."""

    kind: Literal["condition", "condition_segment", "fixed_list", "fixed"] | None = Field(
        None, validation_alias=AliasChoices("kind", "type")
    )
    customers: Many = Field((), validation_alias=AliasChoices("customers", "members"))
    since: Instant | None = None
    """Since when those named are in it; without it, since ever. Of a fixed list of conditions: when it was saved."""

    @model_validator(mode="before")
    @classmethod
    def _from_names(cls, given: Any) -> Any:
        if given is None:
            return {}
        return {"customers": given} if isinstance(given, list) else given


# what each type of event says; any other type is an event of the customer, with a product where it has one
EVENT_KEYS = {
    "order_status": {"order", "status", "customer"},
    "newsletter": {"customer", "status"},
    "duplicate": {"customer", "status"},
    "suppressed": {"customer", "reason"},
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
    "order_changed": {"order", "change", "customer"},
}
CUSTOMER_EVENT_KEYS = {"customer", "product", "order"}
OF_ORDERS = ("order_status", "order_changed")
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
# what the language goes by, whatever a script's own scenarios call it besides
READ_AS = {
    **dict.fromkeys(
        ("open", "mail_open", "mail_opened", "email_open", "email_opened", "message_opened", "newsletter_open"),
        "opened",
    ),
    **dict.fromkeys(
        ("click", "mail_click", "mail_clicked", "email_click", "email_clicked", "message_clicked", "newsletter_click"),
        "clicked",
    ),
}


class Event(NotedPart):
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
        expected = EVENT_KEYS.get(self.type, CUSTOMER_EVENT_KEYS)
        optional = OPTIONAL_EVENT_KEYS | ({"customer"} if self.type in OF_ORDERS else set())
        if self.type not in EVENT_KEYS:
            optional |= {"order"}
        given = {"list" if name == "list_code" else name for name in self.model_fields_set} - {"at", "type", "note"}
        if unknown := sorted(given - expected - {"recorded"}):
            raise ValueError(f"unknown key {unknown[0]!r} in an event of type {self.type!r}")
        if missing := sorted(expected - given - optional):
            raise ValueError(f"an event of type {self.type!r} needs {missing[0]!r}")
        if self.type == "list_imported" and not (self.scenario or self.list_code):
            raise ValueError("an event of type 'list_imported' needs 'list' or 'scenario'")
        return self


# the timeline


class ExpectedRow(Part):
    scenario: str
    customer: str
    step: int
    due_date: LocalDay
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


# how a provider may answer, and what else one may call it
ANSWERS = {"not_accepted": "not_sent", "rejected": "refused", "timeout": "unknown"}
Answer = Annotated[
    Literal["accepted", "refused", "not_sent", "unknown"], BeforeValidator(lambda given: ANSWERS.get(given, given))
]
# after the key with nothing behind it there is none; without the key nobody asks
NONE_OF_THEM = nothing_as(())


class Operation(NotedPart):
    """One moment of the timeline: what is done, and what must be true after it."""

    at: Instant
    rows: Annotated[tuple[ExpectedRow, ...] | None, NONE_OF_THEM] = None
    enrolments: Annotated[tuple[ExpectedEnrolment, ...] | None, NONE_OF_THEM] = None
    step_states: dict[str, tuple[str, ...]] | None = None
    provider_calls: int | None = None
    recipients: Annotated[tuple[str, ...] | None, NONE_OF_THEM] = None
    """The addresses of all messages the provider was handed since the script began, in any order."""

    @model_validator(mode="after")
    def _expects_what_it_names(self) -> "Operation":
        for name in ("step_states", "provider_calls"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"nothing stands behind {name!r}")
        return self


class Run(Operation):
    """The morning's build and planning; of the day it happens on where no date is given."""

    do: Literal["run"]
    date: LocalDay | None = None
    to: LocalDay | None = None
    """The last of several days."""


class Dispatch(Operation):
    do: Literal["dispatch"]
    crash_after_claim: bool = False
    provider_says: Answer = "accepted"

    @model_validator(mode="after")
    def _is_heard_by_somebody(self) -> "Dispatch":
        if self.crash_after_claim and "provider_says" in self.model_fields_set:
            raise ValueError("after a crash nobody hears what the provider says: 'reconcile' asks it")
        return self


class Reconcile(Operation):
    do: Literal["reconcile"]
    provider_says: Answer


class OnRows(Operation):
    """An operator's action on the rows that fit."""

    scenario: str
    customer: str | None = None
    step: int | None = None
    reason: str | None = None


class Release(OnRows):
    do: Literal["release"]


class Delete(OnRows):
    do: Literal["delete"]


class Set(OnRows):
    do: Literal["set"]
    status: RowState | Literal["deleted"]


class DmExport(Operation):
    do: Literal["dm_export"]
    scenario: str | None = None


class OnScenario(Operation):
    """An edit of a scenario."""

    scenario: str
    reason: str | None = None
    """No more than a note: the definition's own history says who changed it and why."""


class Enable(OnScenario):
    do: Literal["enable"]
    step: int | None = None
    """A step that was stopped by force; without it, the scenario."""


class Disable(OnScenario):
    do: Literal["disable"]
    mode: Literal["freeze", "drain"] | None = Field(None, validation_alias=AliasChoices("mode", "disable_mode"))


class EditScenario(OnScenario):
    do: Literal["edit_scenario", "edit"]
    change: dict[str, Any]


class ForceStop(OnScenario):
    do: Literal["force_stop"]
    step: int


AnyOperation = Annotated[
    Run | Dispatch | Reconcile | Release | Delete | Set | DmExport | Enable | Disable | EditScenario | ForceStop,
    Field(discriminator="do"),
]


class Script(Part):
    """One acceptance script."""

    # a title, a source or a note of whoever wrote it
    title: str | None = None
    about: Any = Field(
        None,
        validation_alias=AliasChoices("about", "note", "notes", "source", "seed", "seeds", "description", "comment"),
    )

    id: str = Field(min_length=1)
    scenarios: tuple[Scenario, ...]
    customers: Annotated[tuple[Customer, ...], NONE_OF_THEM] = ()
    orders: Annotated[tuple[Order, ...], NONE_OF_THEM] = ()
    events: Annotated[tuple[Event, ...], NONE_OF_THEM] = ()
    payment_methods: Annotated[dict[str, PaymentMethod], nothing_as({})] = Field(default_factory=dict)
    categories: Annotated[dict[str, Many], nothing_as({})] = Field(default_factory=dict)
    subscriptions: Annotated[tuple[Subscription, ...], NONE_OF_THEM] = ()
    segments: Annotated[dict[str, Segment], nothing_as({})] = Field(default_factory=dict)
    lists: Annotated[dict[str, Annotated[Many | dict[str, Instant], NONE_OF_THEM]], nothing_as({})] = Field(
        default_factory=dict
    )
    """Lists as names, on them since the customer's registration, or each with the instant of the import."""
    options: tuple[str, ...] | None = None
    """What the shop has beyond the ordinary; without it, everything there is."""
    timeline: tuple[AnyOperation, ...]

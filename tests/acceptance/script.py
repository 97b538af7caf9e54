"""The format of an acceptance script, as README.md beside this file describes it.

Belongs here: the shape of its facts and its timeline; a key it does not know is a fault, never ignored. Does not
belong here: what the facts mean for the shop's tables (`facts`) and what the operations do (`play`).
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tests.acceptance.reading import ZONE, Instant, Part
from tests.acceptance.shorthand import Scenario

REGISTERED_BY_DEFAULT = datetime(2023, 1, 1, tzinfo=ZONE)
NO_TIME = "-"

# facts


class Customer(Part):
    id: str
    registered: Instant = REGISTERED_BY_DEFAULT
    newsletter: Literal["both", "pc", "mobile", "none"] = "both"
    duplicate: Literal["confirmed", "unconfirmed", "on_hold"] = "confirmed"
    site: str | None = None
    has_address: bool = True


class Order(Part):
    id: str
    customer: str
    at: Instant
    recorded: Instant | None = None
    lines: tuple[str, ...]
    kind: Literal["one_off", "subscription"] = "one_off"
    continuation_no: int | None = None
    status: str = "new"
    payment: str | None = None
    authorised: date | None = None
    paid: date | None = None
    shipped: date | None = None
    desired_delivery: date | None = None


class PaymentMethod(Part):
    type: Literal["other", "coupon", "points"]
    paid_display: Literal["show", "hide"]


# what each type of event says; any other type is an event of the customer, with a product where it has one
EVENT_KEYS = {
    "order_status": {"order", "status"},
    "newsletter": {"customer", "status"},
    "duplicate": {"customer", "status"},
    "suppressed": {"customer"},
    "subscription_cancelled": {"customer", "product"},
    "list_imported": {"customer", "scenario"},
    "tag_granted": {"customer", "tag"},
}
OPTIONAL_EVENT_KEYS = {"product", "recorded"}


class Event(Part):
    at: Instant
    recorded: Instant | None = None
    type: str
    customer: str | None = None
    order: str | None = None
    product: str | None = None
    status: str | None = None
    scenario: str | None = None
    tag: str | None = None

    @model_validator(mode="after")
    def _says_what_its_type_needs(self) -> "Event":
        expected = EVENT_KEYS.get(self.type, {"customer", "product"})
        given = self.model_fields_set - {"at", "type"}
        if unknown := sorted(given - expected - {"recorded"}):
            raise ValueError(f"unknown key {unknown[0]!r} in an event of type {self.type!r}")
        if missing := sorted(expected - given - OPTIONAL_EVENT_KEYS):
            raise ValueError(f"an event of type {self.type!r} needs {missing[0]!r}")
        return self


# the timeline


class ExpectedRow(Part):
    scenario: str
    customer: str
    step: int
    due_date: date
    status: str
    time: Instant | Literal["-"]
    reason: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, given: Any) -> Any:
        return _named(given, ("scenario", "customer", "step", "due_date", "status", "time"), "reason")


class ExpectedEnrolment(Part):
    scenario: str
    customer: str
    state: str
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


class Operation(Part):
    """One moment of the timeline: what is done, and what must be true after it."""

    at: Instant
    rows: tuple[ExpectedRow, ...] | None = None
    enrolments: tuple[ExpectedEnrolment, ...] | None = None
    step_states: dict[str, tuple[str, ...]] | None = None
    provider_calls: int | None = None


class Run(Operation):
    do: Literal["run"]
    date: date


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


class Disable(Operation):
    do: Literal["disable"]
    scenario: str


class EditScenario(Operation):
    do: Literal["edit_scenario"]
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

    id: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,15}$")
    scenarios: tuple[Scenario, ...]
    customers: tuple[Customer, ...]
    orders: tuple[Order, ...] = ()
    events: tuple[Event, ...] = ()
    payment_methods: dict[str, PaymentMethod] = Field(default_factory=dict)
    categories: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    timeline: tuple[AnyOperation, ...]

"""The shape of a scenario: its settings with their defaults, its steps, and what follows from them.

Belongs here: settings and steps. Does not belong here: anchors (`anchor`), frames (`frames`), what must hold between
settings (`rules`), and checking what somebody wrote (`definition`).
"""

from datetime import time, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from ekiden.scenarios.anchor import ORDER_ANCHORS, Anchor, anchor_kind
from ekiden.scenarios.frames import Categories, Conditions, Products, Target
from ekiden.scenarios.values import Days, Flag, LengthOfTime, LocalDate, LocalTime, Part, Period, Text, Whole

MAX_STEPS = 10
"""R-135a, C-13; a fault of `rules`, so that the faults within the steps are told as well."""

SOURCE_OF_ANCHOR = {
    "list_imported": "csv_list",
    "entered": "segment",
    "event": "event",
    "subscription_cancelled": "subscription_cancel",
}
"""How people come in where nobody says so; by every other anchor it is purchase_count."""

ENTERS_AT_ANCHOR = ("segment", "subscription_cancel", "event")
"""Sources that know no order: they are judged at their anchor (C-05)."""


class Channel(StrEnum):
    """How a step reaches the customer."""

    HTML_EMAIL = "html_email"
    TEXT_EMAIL = "text_email"
    DM = "dm"
    OUTBOUND_CALL = "outbound_call"
    LINE = "line"
    SMS = "sms"
    WEB_PUSH = "web_push"


MAIL_CHANNELS = (Channel.HTML_EMAIL, Channel.TEXT_EMAIL)
CONTRACTED_CHANNELS = (Channel.LINE, Channel.SMS, Channel.WEB_PUSH)
"""They need a contract or a consent of their own (R-151, R-153), so a deployment must have their option."""
SENT_CHANNELS = (*MAIL_CHANNELS, *CONTRACTED_CHANNELS)
"""Messages that leave the house, by whichever carriers a deployment has configured."""
EXPORTED_CHANNELS = (Channel.DM, Channel.OUTBOUND_CALL)
"""Lists are extracted, nothing is sent (R-150)."""


class SendWindow(Part):
    """The local times between which a step may be planned, both ends included (R-109a, R-109e)."""

    first: LocalTime = Field(alias="from")
    last: LocalTime = Field(alias="to")


class OrderFilter(Part):
    """Which orders may be the anchor; the order itself must pass all that are given (R-085, R-103c, R-103d)."""

    kind: Literal["all", "one_off", "subscription"] = "all"
    continuation_no: Whole | None = Field(
        None, ge=1, description="Which delivery of its subscription the order is; the first is 1."
    )
    period: Period | None = Field(None, description="Local dates of the order.")
    products: Products | None = Field(None, description="The order holds one of these products.")
    categories: Categories | None = Field(None, description="The order holds a product of one of these categories.")


class AddressPolicy(Part):
    """Which of a customer's two mail addresses is written to (C-18); a message goes to one of them."""

    use_1: Flag = Field(True, description="Whether the first address may be used (R-144).")
    use_2: Flag = Field(True, description="Whether the second address may be used (R-144).")
    preferred_domain: Literal["none", "pc", "mobile"] = Field(
        "none",
        description="Of two addresses that may be used, the one at a domain of this kind; none: the first (R-145).",
    )


class Step(Part):
    """One step of the chain (R-135a to R-135k)."""

    offset_days: Days = Field(description="Whole local days; from the anchor, or as `offset_basis` says.")
    send_time: LocalTime = Field(time(12, 0), description="Local time, in quotes.")
    auto_send_time: Literal["none", "latest_purchase", "first_purchase", "latest_open", "latest_click"] = Field(
        "none",
        description="By the customer's own habit; without one, or outside the send window, `send_time` (R-109b).",
    )
    channel: Channel = Channel.HTML_EMAIL
    content: Text | None = Field(
        None,
        description="A folder and file below content/, like cross_sell/step_1; of a list, any name.",
    )
    state: Literal["enabled", "force_stopped"] = Field(
        "enabled", description="A forced stop stops every step below it as well (R-135c)."
    )


class ScenarioDefinition(Part):
    """One scenario, with the defaults of the settings that the sources disagree on (C-01 to C-19)."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {
                "anyOf": [
                    {"properties": {"status": {"const": "enabled"}}, "required": ["status"]},
                    {
                        "properties": {"status": {"const": "disabled"}, "disable_mode": {"const": "drain"}},
                        "required": ["status", "disable_mode"],
                    },
                ]
            },
            "then": {"properties": {"steps": {"items": {"required": ["content"]}}}},
        }
    )

    code: Text = Field(max_length=100, description="Unique among scenarios; may be changed.")
    name: Text = Field(max_length=200, description="For people; never shown to a customer.")
    status: Literal["draft", "enabled", "disabled"] = "draft"
    source: (
        Literal["purchase_count", "customer_analysis", "csv_list", "segment", "subscription_cancel", "event"] | None
    ) = Field(
        None,
        description="How people come in (R-020); some defaults follow from it. The anchor decides if it is left out.",
    )
    anchor: Anchor = Field(description="What the steps count from; exactly one.")
    orders: OrderFilter = OrderFilter()
    site: Text | None = Field(None, description="Only orders (members) whose access URL is this text (R-088).")
    start: LocalDate | None = Field(None, description="Anchors before this local day are none (R-014, R-041).")
    target: Target = Target()
    exclusion: Conditions = Conditions()
    stop: Conditions = Conditions()
    recheck_order_status: Flag = Field(False, description="Stop when the anchor order is cancelled later (C-08).")
    excluded_order_statuses: tuple[Text, ...] = Field(
        ("cancelled",), description="An order with such a status is no anchor from its cancelled_at on (C-08)."
    )
    count_excludes_status: tuple[Literal["cancelled", "returned"], ...] = Field(
        ("cancelled",),
        description="An order with such a status does not count from its cancelled_at on (R-102j); [] counts all.",
    )
    period: Period | None = Field(None, description="Step 1 is due on one of these local dates (Q-01).")
    look_back_days: Days | None = Field(None, description="How many days late a step 1 still lets somebody in (R-087).")
    reentry: Literal["never", "after_exit", "per_anchor"] = "never"
    on_retrigger: Literal["ignore", "restart"] = Field(
        "ignore", description="What another anchor does to who is still in (C-06)."
    )
    multi_delivery: Flag = Field(True, description="False: takes part in the contest by priority (C-07).")
    priority: Annotated[int, Field(strict=True, ge=1, le=10_000)] | None = Field(
        None, description="1 is the best; without one, after all that have one."
    )
    enrol_at: Literal["first_step_due", "anchor"] | None = Field(
        None, description="When eligibility is judged (C-05); the source decides if it is left out."
    )
    zero_day: Literal["next_day", "same_day"] | None = Field(
        None, description="What 0 days mean (C-01); next_day if it is left out, for a list always same_day."
    )
    offset_basis: Literal["anchor", "previous_step"] = "anchor"
    past_date_policy: Literal["hold", "skip", "send_now"] = "hold"
    past_time_today: Literal["send_now", "hold"] = "send_now"
    backfill_as_of: Literal["now", "due_date"] = Field(
        "now",
        description=(
            "As of when entry is judged for days gone by: now, or the day's planning, the anchor where that is later"
            " (Q-13)."
        ),
    )
    hold_expires_after_days: Days | None = Field(
        None, description="Local days after which a hold that nobody chose is cancelled; null: never."
    )
    consent_recheck: Flag | None = Field(
        None, description="Read consent again just before sending (C-09); the source decides if it is left out."
    )
    address_policy: AddressPolicy = Field(
        AddressPolicy(), description="Which of a customer's mail addresses is written to (C-18)."
    )
    variant_by_domain: Flag = Field(
        True, description="A mobile carrier's address gets the mobile variant of a content that has one (R-143)."
    )
    on_skip: Literal["end", "continue"] = "end"
    send_window: SendWindow | None = Field(
        SendWindow(**{"from": time(8, 0), "to": time(22, 0)}), description="null: any time of the day (C-10)."
    )
    max_lateness: LengthOfTime | None = Field(
        None,
        description="How late a message may go out that nobody released (T5), like 6h; the deployment's if left out.",
    )
    disable_mode: Literal["freeze", "drain"] = Field(
        "freeze", description="What happens to waiting rows when the scenario is disabled (C-14)."
    )
    reevaluate_on_update: Flag = Field(False, description="Take out who no longer fits after an edit (C-14).")
    steps: tuple[Step, ...] = Field(json_schema_extra={"minItems": 1, "maxItems": MAX_STEPS})

    @property
    def max_lateness_minutes(self) -> int | None:
        """How many minutes late a message may go; None: as the deployment has it."""
        return self.max_lateness // timedelta(minutes=1) if self.max_lateness else None

    @property
    def anchor_kind(self) -> str:
        return anchor_kind(self.anchor)

    @property
    def anchors_on_orders(self) -> bool:
        """Whether the anchor is an order, so that order filters mean something (R-085, R-086)."""
        return self.anchor_kind in ORDER_ANCHORS

    @property
    def comes_from(self) -> str:
        """How people come in (R-020): as written, or as the anchor has it."""
        return self.source or SOURCE_OF_ANCHOR.get(self.anchor_kind, "purchase_count")

    @property
    def enrols_at(self) -> str:
        """When eligibility is judged (C-05): sources that know no order enter at their anchor."""
        return self.enrol_at or ("anchor" if self.comes_from in ENTERS_AT_ANCHOR else "first_step_due")

    @property
    def zero_means(self) -> str:
        """What '0 days' means (C-01): the next day, but for a list the day of its import (R-105, R-106)."""
        if self.comes_from == "csv_list":
            return "same_day"
        return self.zero_day or "next_day"

    def due_after_days(self, step: Step) -> int:
        """Return after how many days a step is due, by its offset and what '0 days' means here (C-01)."""
        return 1 if step.offset_days == 0 and self.zero_means == "next_day" else step.offset_days

    @property
    def rechecks_consent(self) -> bool:
        """Whether consent is read again just before sending (C-09, R-140, R-141)."""
        return self.consent_recheck if self.consent_recheck is not None else self.comes_from != "customer_analysis"

    def running_steps(self) -> int:
        """Return how many steps run: a forced stop stops every step below it as well (R-135c)."""
        for number, step in enumerate(self.steps):
            if step.state == "force_stopped":
                return number
        return len(self.steps)

"""The scenario language, run by hand: what a definition means for one customer, one anchor and one instant.

Belongs here: the rules of sections and frames, written from the language's reference and asked about a single instant,
in the plainest Python; nothing is clever and nothing is fast. With `anchors`, `orders` and `members` it doubles as the
language's executable specification. Does not belong here: anything read off the macros.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.properties.anchors import Anchor, Anchors, Definition, cancelled_at, matches, uncounted
from tests.properties.history import Customer, Enrolment, Event, Order, Shop
from tests.properties.local_time import LocalTime
from tests.properties.members import member_holds
from tests.properties.orders import matches_frame, order_ends, run_of

STATES = ("member", "segment", "list")
"""Frames about how things are; the others are about what happened."""

Frame = Mapping[str, Any]


@dataclass(frozen=True)
class Occurrence:
    """Something that happened, and counts from then on until it no longer does (None: for good)."""

    began: datetime
    ended: datetime | None = None
    undone: datetime | None = None
    """When an order was cancelled; None: never, or what is no order."""

    def counts(self, instant: datetime) -> bool:
        return self.began <= instant and (self.ended is None or instant < self.ended)

    def stands(self, instant: datetime) -> bool:
        return self.undone is None or instant < self.undone


class Meaning:
    """A definition, asked about one customer."""

    def __init__(self, definition: Definition, customer: Customer, shop: Shop) -> None:
        self.definition = definition
        self.customer = customer
        self.shop = shop
        self.local = LocalTime(shop.time_zone)
        self.anchors = Anchors(definition, customer, shop)
        self._occurrences: dict[int, list[Occurrence]] = {}

    def entry_holds(self, anchor: Anchor, instant: datetime) -> bool:
        """Whether the customer may come in with this anchor at this instant."""
        if self.customer.duplicate_status != "confirmed":
            return False
        if instant < anchor.at or not self.anchors.stands(anchor, instant):
            return False
        # the order that completes the target is the anchor, without those that are cancelled by now
        if anchor.order and not self.section_holds("target", anchor, anchor.order.ordered_at, standing_at=instant):
            return False
        return self.section_holds("target", anchor, instant) and not self.excluded(anchor, instant)

    def stop_holds(self, anchor: Anchor, instant: datetime) -> bool:
        """Whether a stop condition holds for this anchor at this instant."""
        rechecked = anchor.order if self.definition.get("recheck_order_status") else None
        if rechecked and self.anchors.order_is_off(rechecked, instant):
            return True
        return self.section_holds("stop", anchor, instant)

    def excluded(self, anchor: Anchor, instant: datetime) -> bool:
        """Whether the customer is left out: by an exclusion, or by a running subscription (R-103b)."""
        if self.definition.get("target", {}).get("active_subscriber") == "exclude" and any(
            Occurrence(s.started_at, s.cancelled_at).counts(instant) for s in self.customer.subscriptions
        ):
            return True
        return self.section_holds("exclusion", anchor, instant)

    def section_holds(
        self, section: str, anchor: Anchor, instant: datetime, standing_at: datetime | None = None
    ) -> bool:
        """Fold the frames from left to right; `not` is `and not` (R-100i). Without frames only a target holds.

        Asked about a past instant, with what was cancelled until `standing_at` left out.
        """
        holds = section == "target"
        for number, frame in enumerate(self.definition.get(section, {}).get("frames", [])):
            this = self.frame_holds(frame, section, anchor, instant, standing_at or instant)
            match frame.get("relation") or "and":
                case "not":
                    holds = (holds or number == 0) and not this
                case "or":
                    holds = (holds and number > 0) or this
                case "and":
                    holds = (holds or number == 0) and this
        return holds

    def frame_holds(self, frame: Frame, section: str, anchor: Anchor, instant: datetime, standing_at: datetime) -> bool:
        """Whether one condition holds."""
        match frame["type"]:
            case "member":
                return member_holds(frame["member"], self.customer, instant, self.local)
            case "segment":
                return any(instant in span for code in frame["codes"] for span in self.customer.segments.get(code, ()))
            case "list":
                return any(code in frame["codes"] and at <= instant for code, at in self.customer.lists.items())
        occurrences = self.occurrences(frame, section)
        if _since(frame, section) == "anchor":
            occurrences = [occurrence for occurrence in occurrences if occurrence.began > anchor.at]
        number = sum(occurrence.counts(instant) and occurrence.stands(standing_at) for occurrence in occurrences)
        if not frame.get("count"):
            return number > 0
        op, n = frame["count"]["op"], frame["count"]["n"]
        # zero never matches, not even "or fewer" (R-102c)
        return number > 0 and {"eq": number == n, "gte": number >= n, "lte": number <= n}[op]

    def occurrences(self, frame: Frame, section: str) -> list[Occurrence]:
        """Return what the frame counts."""
        if id(frame) not in self._occurrences:
            happened = list(self._happened(frame, section))
            if frame.get("within_days") is not None:
                happened = [self._until_stale(occurrence, frame["within_days"]) for occurrence in happened]
            self._occurrences[id(frame)] = happened
        return self._occurrences[id(frame)]

    def _until_stale(self, occurrence: Occurrence, days: int) -> Occurrence:
        stale = self.local.start_of(self.local.date_of(occurrence.began) + timedelta(days=days + 1))
        ended = stale if occurrence.ended is None else min(stale, occurrence.ended)
        return Occurrence(occurrence.began, ended, occurrence.undone)

    def _happened(self, frame: Frame, section: str) -> Iterator[Occurrence]:
        match frame["type"]:
            case "product" | "category" | "order":
                orders = [order for order in self.customer.orders if self._order_matches(order, frame, section)]
                ends = [order_ends(order, uncounted(self.definition)) for order in orders]
                return (Occurrence(order.ordered_at, end, end) for order, end in zip(orders, ends, strict=True))
            case "event":
                return (Occurrence(e.event_at) for e in self.customer.events if _event_matches(e, frame))
            case "subscription_cancelled":
                wanted = frame.get("codes"), frame.get("reasons")
                ended = [cancelled_at(s) for s in self.customer.subscriptions if matches(s, *wanted)]
                return (Occurrence(at) for at in ended if at)
            case "scenario":
                return (Occurrence(e.entered_at) for e in self.customer.enrolments if self._is_another(e, frame))
        raise ValueError(f"no such frame: {frame['type']}")

    def _is_another(self, enrolment: Enrolment, frame: Frame) -> bool:
        """Whether somebody came into another scenario; a removed enrolment never was (R-130)."""
        code = enrolment.scenario_code
        named = not frame.get("codes") or code in frame["codes"]
        return named and code != self.definition["code"] and not enrolment.removed

    def _order_matches(self, order: Order, frame: Frame, section: str) -> bool:
        if frame["type"] == "order":
            return True
        return all(matches_frame(order, each, self.shop) for each in run_of(frame, self.definition[section]))


def _event_matches(event: Event, frame: Frame) -> bool:
    about = frame.get("products")
    return event.event_type in frame["codes"] and (not about or event.product_id in about)


def _since(frame: Frame, section: str) -> str:
    """Return since when a frame counts what happened (C-12)."""
    if section != "stop":
        return "all_time"
    return frame.get("since") or ("all_time" if frame.get("count") else "anchor")

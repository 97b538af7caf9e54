"""Sentences for the entries of a timeline. Pure; nothing is read here.

Why something happened is said in the ledger's own words (`outreach.decision_rules`), which `ekiden decisions` uses too.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ekiden.counting import counted
from ekiden.insights.explanation.wording import anchor_in_words, listed, local

SHOWN_LINES = 5
"""Lines of an order that are told; a basket can have a hundred."""

ACTORS = {"materialiser": "planning", "dispatcher": "sending", "exporter": "the export", "operator": "a person"}
"""Who acts, by the kind of actor in the ledger."""

DECISIONS = {
    "turned_away": "did not enter",
    "not_considered": "was not considered",
    "no_row": "no row was made for step {step_no}",
}

ENROLMENTS = {
    "E1": "entered by {anchor}, version {version_no}",
    "E2": "went through to the end",
    "E9": "was taken out by hand: may enter again",
    "E10": "is in the scenario again",
}
"""By transition; every other end is "left the scenario"."""

STEPS = {
    "T1": "step {step_no}, due {due_date}, planned for {planned_send_at}",
    "T2": "step {step_no}, due {due_date}, planned and held",
    "T3": "step {step_no} released",
    "T4": "step {step_no} held",
    "T5": "step {step_no} held",
    "T7": "step {step_no} sent to {to_address} through {channel_name}, message {message_id}",
    "T8": "step {step_no} not sent: skipped",
    "T9": "step {step_no}: sending failed, surely nothing was sent",
    "T10": "step {step_no} is to be sent again",
    "T11": "step {step_no} left with a list ({channel})",
    "T12": "step {step_no} completed by hand",
    "T13": "step {step_no} blocked: never again in this scenario",
    "T14": "step {step_no}: the block was taken back, it is held",
    "T15": "step {step_no} cancelled",
    "T16": "step {step_no} deleted",
}

MESSAGE_EVENTS = {
    "processed": "taken on by the provider",
    "dropped": "dropped by the provider",
    "deferred": "put off by the receiving server",
    "delivered": "delivered",
    "blocked": "turned away by the receiving server, for now",
    "bounce": "turned away by the receiving server, for good",
    "open": "opened",
    "click": "a link in it followed",
    "spamreport": "called spam",
    "unsubscribe": "unsubscribed from everything, at the provider",
    "group_unsubscribe": "unsubscribed from a group, at the provider",
    "group_resubscribe": "came back to a group, at the provider",
    "accepted": "taken on by the provider",
    "queued": "waiting at the provider",
    "sending": "being handed to the network",
    "sent": "handed to the network",
    "undelivered": "not delivered by the network",
    "failed": "given up by the provider",
    "read": "read",
}
"""By the provider's word; any other stands as it is."""


def what(  # noqa: PLR0911, PLR0912 - one sentence for each kind of entry
    kind: str, step_no: int | None, details: Mapping[str, Any], at: datetime, zone: ZoneInfo
) -> str:
    """Return what happened at an instant, in words; instants in `zone`."""
    match kind:
        case "registered":
            return "registered as a member"
        case "ordered":
            return _order(details)
        case "order_cancelled":
            returned = details.get("status") == "returned"
            return f"order {details['order_id']} {'returned' if returned else 'cancelled'}"
        case "subscription_started" | "subscription_cancelled":
            about = f" to {_product(details)}" if "product_id" in details else ""
            return f"subscription {details['subscription_id']}{about} {kind.removeprefix('subscription_')}"
        case "event":
            return str(details["event_type"]) + (f" {_product(details)}" if "product_id" in details else "")
        case "tag_granted":
            return f"was given the tag {details['tag']}"
        case "list_entered":
            return f"was put on the list {details['list_code']}"
        case "segment_entered":
            return f"came into the segment {details['segment']}"
        case "member_changed":
            name = str(details["field"]).replace("_", " ")
            return f"{name}: {details.get('before', 'none')} → {details.get('after', 'none')}"
        case "suppressed":
            what_for = f"the address {details['to_address']}" if "to_address" in details else "every message"
            return f"put on the suppression list: {what_for}"
        case "message_event":
            return _message_event(step_no, details)
        case "opted_out" | "opted_in":
            return f"{'opted out of' if kind == 'opted_out' else 'opted in again to'} {_messages(details)}"
        case "settled":
            sent = "was sent" if details["settled_as"] == "sent" else "was not sent"
            return f"step {step_no}: unknown so far, a person says that it {sent}"
        case "decision":
            return _decision(step_no, details, at, zone)
        case "enrolment":
            anchor = anchor_in_words(details["anchor_kind"], details["anchor_key"], zone)
            sentence = ENROLMENTS.get(details["transition"], "left the scenario")
            return sentence.format(anchor=anchor, version_no=details["version_no"])
        case "step":
            return _step(step_no, details, zone)
        case _:
            return kind.replace("_", " ")


def why(kind: str, details: Mapping[str, Any], reason_in_words: str | None) -> str | None:
    """Return the reason in words; a person's own where they gave one."""
    reason = reason_in_words or details.get("reason")
    match kind:
        case "decision" if other := details.get("other_scenario_code"):
            return f"{reason}: {other}"
        case "suppressed":
            return f"{str(reason).replace('_', ' ')}, told by {details['source']}"
        case "opted_out":
            return f"told by {details['source']}" + (f": {details['reason']}" if "reason" in details else "")
        case "step" | "enrolment" if said := details.get("provider_said") or details.get("said"):
            # a failed row has the words of its attempt
            return said if reason in (None, said) else f"{reason}: {said}"
        case _:
            return reason


def by_whom(details: Mapping[str, Any]) -> str | None:
    """Return who acted, like "a person: hanako"; None for what happened in the shop."""
    if "actor" not in details:
        return None
    return f"{ACTORS.get(details['actor_kind'], details['actor_kind'])}: {details['actor']}"


def _decision(step_no: int | None, details: Mapping[str, Any], at: datetime, zone: ZoneInfo) -> str:
    sentence = DECISIONS.get(details["decision"], str(details["decision"])).format(step_no=step_no)
    # a plan of missed days decides about each of them, in one instant
    if details["day"] == at.astimezone(zone).date().isoformat():
        return sentence
    return f"{sentence}, due {details['day']}" if details["decision"] == "no_row" else f"{sentence} on {details['day']}"


def _message_event(step_no: int | None, details: Mapping[str, Any]) -> str:
    words = MESSAGE_EVENTS.get(details["event"], str(details["event"]).replace("_", " "))
    return f"step {step_no}: {words}" + (" by a machine" if details.get("by_machine") else "")


def _step(step_no: int | None, details: Mapping[str, Any], zone: ZoneInfo) -> str:
    sentence = STEPS.get(details["transition"], "step {step_no}: {to_state}")
    known = {"to_address": "-", "channel_name": "-", "message_id": "-", **details}
    planned = local(datetime.fromisoformat(details["planned_send_at"]), zone)
    return sentence.format(**{**known, "step_no": step_no, "planned_send_at": planned})


def _messages(details: Mapping[str, Any]) -> str:
    by = f" by {str(details['channel']).replace('_', ' ')}" if "channel" in details else ""
    of = f" of {details['site']}" if "site" in details else ""
    to = f" to the address {details['to_address']}" if "to_address" in details else ""
    return f"every message{by}{of}{to}"


def _order(details: Mapping[str, Any]) -> str:
    lines: Sequence[Mapping[str, Any]] = details.get("lines") or ()
    shown = [f"{Decimal(str(line['quantity'])).normalize():f} x {_product(line)}" for line in lines[:SHOWN_LINES]]
    if (more := len(lines) - SHOWN_LINES) > 0:
        shown.append(counted(more, "more line"))
    delivery = f", delivery {details['continuation_no']}" if "continuation_no" in details else ""
    subscription = f" (subscription{delivery})" if details.get("kind") == "subscription" else ""
    shipped = f"; shipped on {details['shipped_on']}" if "shipped_on" in details else ""
    return f"order {details['order_id']}{subscription}: {listed(shown, 'and') or 'nothing'}{shipped}"


def _product(details: Mapping[str, Any]) -> str:
    return str(details.get("product_name") or details["product_id"])

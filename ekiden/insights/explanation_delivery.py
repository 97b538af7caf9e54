"""Whether a message to one customer could go out at this moment: what a sender looks at just before it sends.

The rules are the sender's own (`ekiden.delivery.reach`), so that they cannot disagree. Belongs here: reading what they
judge of one customer, and saying it. Does not belong here: whether the customer is in the scenario (`explanation`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.statements import statement
from ekiden.delivery.browsers import newest_web_push_subscription
from ekiden.delivery.contact_points import ContactPoints
from ekiden.delivery.objections import NO_OBJECTIONS, Asked, read_objections
from ekiden.delivery.pauses import Pause, open_pauses
from ekiden.delivery.reach import Reached, Refusal, reach
from ekiden.delivery.recipients import SkipReason
from ekiden.insights.built import AskedScenario
from ekiden.insights.explanation_checks import Check
from ekiden.insights.explanation_wording import REASONS, local
from ekiden.scenarios.definition import EXPORTED_CHANNELS
from ekiden.schedule.rows import OPEN_STATES, ScheduleRow
from ekiden.settings import Settings

NO_ROW = 0
"""In place of the id of a row that is not born yet."""

REMEDIES = {
    SkipReason.SUPPRESSED: "only the provider's list can let the address go: docs/consent.md",
    SkipReason.OPTED_OUT: "the customer would have to ask for messages again: `ekiden opt-out withdraw`",
    SkipReason.NEWSLETTER_STATUS: "the customer's newsletter status would have to be another one",
    SkipReason.NO_ADDRESS: "the shop would have to have an address that this step may use",
}


@dataclass(frozen=True)
class DeliveryEvidence:
    """What a sender would find now for the next message of the scenario; instants are aware."""

    step_no: int
    channel: str
    refusal: Refusal | None
    found: Mapping[str, Sequence[Mapping[str, object]]]
    """What stands against writing to the customer, as it is kept with a message; also what does not apply here."""
    pauses: tuple[Pause, ...]


@dataclass(frozen=True)
class _Contact:
    email: str | None
    email_2: str | None
    newsletter_status: str | None
    phone: str | None
    line_user_id: str | None
    web_push_subscription: str | None
    site: str | None


def read_delivery(
    connection: Connection[Any],
    scenario: AskedScenario,
    customer_id: str,
    rows: Sequence[ScheduleRow],
    settings: Settings,
) -> DeliveryEvidence | None:
    """Return what a sender would find now for the customer's open row among `rows`, else for the scenario's first step.

    None for a customer whom the shop does not have any more.
    """
    definition = scenario.definition
    row = next((row for row in rows if row.state in OPEN_STATES), None)
    channel = row.channel if row else definition.steps[0].channel
    with connection.cursor(row_factory=class_row(_Contact)) as cursor:
        values = {"customer_id": customer_id, "site": definition.site}
        query = statement(__file__, "asked_contact")
        newest = newest_web_push_subscription("customers.customer_id")
        contact = cursor.execute(query.format(web_push_subscription=newest), values).fetchone()
    if contact is None:
        return None
    customer = Reached(
        (contact.email, contact.email_2),
        ContactPoints(contact.phone, contact.line_user_id, contact.web_push_subscription),
        contact.newsletter_status,
    )
    asked = Asked(row.schedule_row_id if row else NO_ROW, customer_id, channel, customer.written(channel), contact.site)
    objections = read_objections(connection, [asked]).get(asked.schedule_row_id, NO_OBJECTIONS)
    place = reach(
        replace(customer, objections=objections),
        channel,
        policy=definition.address_policy,
        recheck_consent=definition.rechecks_consent,
        country_code=settings.phone_country_code,
    )
    return DeliveryEvidence(
        step_no=row.step_no if row else 1,
        channel=channel,
        refusal=place if isinstance(place, Refusal) else None,
        found=objections.evidence,
        pauses=tuple(found for found in open_pauses(connection) if found.scenario_code in (None, scenario.known_code)),
    )


def delivery_checks(evidence: DeliveryEvidence, settings: Settings) -> tuple[Check, ...]:
    """Return what a sender checks, in its order: nothing is paused, and the customer may be written to."""
    return (_paused(evidence, settings), _reached(evidence, settings))


def _paused(evidence: DeliveryEvidence, settings: Settings) -> Check:
    if not evidence.pauses:
        return Check("paused", "sending is not paused", True)
    told = "; ".join(
        f"{found.scope} is paused by {found.paused_by} since {local(found.paused_at, settings.zone)}: {found.reason}"
        for found in evidence.pauses
    )
    commands = " and ".join(dict.fromkeys(f"`{found.resume_command}`" for found in evidence.pauses))
    return Check("paused", told, False, remedy=commands)


def _reached(evidence: DeliveryEvidence, settings: Settings) -> Check:
    what = f"step {evidence.step_no} ({evidence.channel})"
    told = tuple(
        Check(entry, wording, None, applies) for entry, wording, applies in _objections_in_words(evidence, settings)
    )
    if evidence.refusal is None:
        where = "may be on a list" if evidence.channel in EXPORTED_CHANNELS else "may go out"
        return Check("reached", f"{what} {where}", True, children=told)
    detail = f" ({evidence.refusal.detail})" if evidence.refusal.detail else ""
    reason = evidence.refusal.reason
    wording = f"{what} would be withheld now: {REASONS[reason]}{detail}"
    return Check("reached", wording, False, remedy=REMEDIES.get(reason), children=told)


def _objections_in_words(evidence: DeliveryEvidence, settings: Settings) -> Iterator[tuple[str, str, bool]]:
    """Yield each entry that was found, by name and in words, and whether it applies to this message."""
    for kind, entries in evidence.found.items():
        name = "opt-out" if kind == "opt_outs" else "suppression"
        for entry in entries:
            since = local(datetime.fromisoformat(str(entry["since"])), settings.zone)
            limits = [f"of {key} {entry[key]}" for key in ("channel", "site") if key in entry]
            about = f": {entry['reason']}" if "reason" in entry else ""
            yield (
                f"{name} {entry['id']}",
                " ".join([f"{name} {entry['id']}", *limits, f"since {since}"]) + about,
                (entry.get("applies", True) is True),
            )

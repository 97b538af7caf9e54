"""Whether a message to one customer could go out at this moment: what a sender looks at just before it sends.

The rules are the sender's own (`ekiden.delivery.address.reach`), so that they cannot disagree. Belongs here: reading
what they judge of one customer, and saying it. Does not belong here: whether the customer is in the scenario
(`explain`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from ekiden.database.statements import statement
from ekiden.delivery.address.browsers import newest_web_push_subscription
from ekiden.delivery.address.contact_points import ContactPoints
from ekiden.delivery.address.reach import Reached, Refusal, reach
from ekiden.delivery.address.recipients import SkipReason
from ekiden.delivery.consent.objections import NO_OBJECTIONS, Asked, read_objections
from ekiden.delivery.pauses import Pause, open_pauses
from ekiden.delivery.sending.last_look import DueRow, Verdict, judge, judged_columns, stopped_now
from ekiden.insights.built import AskedScenario
from ekiden.insights.explanation.checks import Check
from ekiden.insights.explanation.wording import REASONS, local
from ekiden.scenarios.definition import EXPORTED_CHANNELS, MAIL_CHANNELS
from ekiden.scenarios.scenario import AddressPolicy
from ekiden.schedule.rows import OPEN_STATES, RowState, ScheduleRow
from ekiden.schedule.unanswered import Unanswered, asking, unanswered_version
from ekiden.settings import Settings

NO_ROW = 0
"""In place of the id of a row that is not made yet."""

REMEDIES = {
    SkipReason.SUPPRESSED: "nothing: no setting and no command takes an entry off the suppression list",
    SkipReason.OPTED_OUT: "the customer would have to ask for messages again: `ekiden opt-out withdraw`",
    SkipReason.NEWSLETTER_STATUS: "the customer's newsletter status would have to be another one",
    SkipReason.NO_ADDRESS: "the shop would have to have an address that this step may use",
}

LAST_LOOKS = {
    Verdict.FORCE_STOPPED: "step {step_no} is stopped by force: {who} cancels it",
    Verdict.STOPPED: "a stop condition holds: {who} cancels step {step_no}",
    Verdict.LATE: "the time of step {step_no} passed by too far: the next send holds it, until `ekiden release`",
}
"""What becomes of a row at its sender's last look, where that is not its claim."""

WAITING_STATES = (None, RowState.READY, RowState.HELD)
"""Of the row, or of none yet: those in which a message may still go out by itself or by a release."""


@dataclass(frozen=True)
class DeliveryEvidence:
    """What a sender would find now for the next message of the scenario; instants are aware."""

    step_no: int
    channel: str
    refusal: Refusal | None
    found: Mapping[str, Sequence[Mapping[str, object]]]
    """What stands against writing to the customer, as it is kept with a message; also what does not apply here."""
    pauses: tuple[Pause, ...]
    last_look: Verdict = Verdict.CLAIM
    unanswered: str | None = None
    """Why nobody knows whether the stop condition of the row's version holds, where that is so."""
    is_carried: bool = True
    """Whether this deployment has what it takes to send by the channel, or to put on a list."""
    row_state: str | None = None
    """None without a row."""


@dataclass(frozen=True)
class _OpenRow(DueRow):
    consent_recheck: bool
    address_policy: Mapping[str, Any] | None


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
    *,
    now: datetime,
    enrolment_id: int | None = None,
) -> DeliveryEvidence | None:
    """Return what a sender would find at `now` for the open row among the customer's `rows`, else for the first step.

    Of several open rows that of the enrolment. None for a customer whom the shop does not have any more.
    """
    definition = scenario.definition
    open_rows = [row for row in rows if row.state in OPEN_STATES]
    row = min(open_rows, key=lambda row: row.enrolment_id != enrolment_id, default=None)
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
    open_row = _read_open_row(connection, row)
    written = customer.written(channel, country_code=settings.phone_country_code)
    asked = Asked(row.schedule_row_id if row else NO_ROW, customer_id, channel, written, contact.site)
    objections = read_objections(connection, [asked]).get(asked.schedule_row_id, NO_OBJECTIONS)
    place = reach(
        customer._replace(objections=objections),
        channel,
        # a row keeps the version that it was made by
        policy=_policy(open_row) if open_row else definition.address_policy,
        recheck_consent=open_row.consent_recheck if open_row else definition.rechecks_consent,
        country_code=settings.phone_country_code,
    )
    last_look, unanswered = Verdict.CLAIM, None
    if row and open_row:
        try:
            last_look = _last_look(connection, row, open_row, now, settings)
        except Unanswered as error:
            last_look, unanswered = Verdict.LEAVE, str(unanswered_version(connection, error))
    return DeliveryEvidence(
        step_no=row.step_no if row else 1,
        channel=channel,
        refusal=place if isinstance(place, Refusal) else None,
        found=objections.evidence,
        pauses=tuple(found for found in open_pauses(connection) if found.scenario_code in (None, scenario.known_code)),
        last_look=last_look,
        unanswered=unanswered,
        is_carried=_is_carried(channel, settings),
        row_state=row.state if row else None,
    )


def _is_carried(channel: str, settings: Settings) -> bool:
    if channel in MAIL_CHANNELS or channel in EXPORTED_CHANNELS:
        return True
    from ekiden.delivery.channels import carried_channels  # noqa: PLC0415 - takes a while, and mail needs none of it

    return channel in carried_channels(settings)


def _read_open_row(connection: Connection[Any], row: ScheduleRow | None) -> _OpenRow | None:
    if row is None:
        return None
    with connection.cursor(row_factory=class_row(_OpenRow)) as cursor:
        query = statement(__file__, "open_row").format(judged_columns=judged_columns())
        return cursor.execute(query, {"schedule_row_id": row.schedule_row_id}).fetchone()


def _policy(row: _OpenRow) -> AddressPolicy:
    return AddressPolicy.model_validate(row.address_policy or {})


def _last_look(
    connection: Connection[Any], row: ScheduleRow, open_row: _OpenRow, now: datetime, settings: Settings
) -> Verdict:
    """Return what a sender's last look would say of the row; what is on its way has had it. Raises `Unanswered`."""
    if row.state == RowState.SENDING:
        return Verdict.CLAIM
    with connection.transaction(), asking(open_row.scenario_version_id):
        stopped = bool(stopped_now(connection, [open_row], now))
    # a list has no time of day, and what is held is let go by a release, which no lateness holds
    is_never_late = row.channel in EXPORTED_CHANNELS or row.state != RowState.READY
    return judge(open_row, stopped=stopped, now=now, max_lateness=None if is_never_late else settings.max_lateness)


def delivery_checks(evidence: DeliveryEvidence, settings: Settings) -> tuple[Check, ...]:
    """Return what a sender checks: nothing is paused, the row still stands, and the customer may be written to."""
    return (
        _paused(evidence, settings),
        *_carried(evidence),
        *_looked_at(evidence),
        _reached(evidence, settings),
    )


def _carried(evidence: DeliveryEvidence) -> Iterator[Check]:
    if not evidence.is_carried:
        wording = f"this deployment sends nothing by {evidence.channel}"
        yield Check("carried", wording, False, remedy="configure it: docs/channels.md")


def _looked_at(evidence: DeliveryEvidence) -> Iterator[Check]:
    if evidence.unanswered:
        yield Check("last_look", evidence.unanswered, False)
    if wording := LAST_LOOKS.get(evidence.last_look):
        yield Check("last_look", wording.format(step_no=evidence.step_no, who=_who_ends(evidence)), False)


def _who_ends(evidence: DeliveryEvidence) -> str:
    """Return what comes to the row next: senders and exports take what is ready, and a plan also what is held."""
    if evidence.row_state == RowState.HELD:
        return "the next plan"
    who = "the next export or plan" if evidence.channel in EXPORTED_CHANNELS else "the next send or plan"
    return f"once it is retried, {who}" if evidence.row_state == RowState.FAILED else who


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
        waits = evidence.row_state in WAITING_STATES
        stands = waits and evidence.is_carried and evidence.last_look is Verdict.CLAIM
        wording = f"{what} {where}" if stands else f"the customer may be written to by {what}"
        return Check("reached", wording, True, children=told)
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

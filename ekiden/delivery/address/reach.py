"""Where a step reaches a customer now, or why it may not: one question for mail and for every other channel. Pure.

Belongs here: which rules a channel goes by. Does not belong here: the rules themselves (`recipients`,
`contact_points`), and reading what they judge (`sending.compose`, `ekiden.insights.explanation.delivery`).
"""

from dataclasses import dataclass
from typing import NamedTuple

from ekiden.delivery.address.contact_points import ContactPoints, choose_contact_point, contact_point, phone_spellings
from ekiden.delivery.address.recipients import Recipient, SkipReason, choose_address, why_no_address
from ekiden.delivery.consent.objections import NO_OBJECTIONS, Objections
from ekiden.scenarios.definition import EXPORTED_CHANNELS, MAIL_CHANNELS
from ekiden.scenarios.definition import Channel as StepChannel
from ekiden.scenarios.scenario import AddressPolicy

LIST = "list"


class Reached(NamedTuple):
    """What is known of a customer at this moment, as the shop wrote it, and what stands against writing to them."""

    addresses: tuple[str | None, ...]
    """Of mail, the first one first."""
    points: ContactPoints
    newsletter_status: str | None
    objections: Objections = NO_OBJECTIONS

    def written(self, channel: str, *, country_code: int) -> tuple[str, ...]:
        """Return the addresses that a step of `channel` could go to, by which objections are looked up.

        A telephone number in every form in which it may have been told; `country_code` as for `reach`.
        """
        match channel:
            case StepChannel.SMS:
                places: tuple[str | None, ...] = tuple(phone_spellings(self.points.phone or "", country_code))
            case StepChannel.LINE:
                places = (self.points.line_user_id,)
            case _ if channel in MAIL_CHANNELS:
                places = self.addresses
            case _:
                # nobody opts out by a browser's endpoint, and a list has no addresses
                places = ()
        return tuple(filter(None, places))


@dataclass(frozen=True)
class Refusal:
    """Why nothing may be sent; `detail` says more, for an operator, where there is more."""

    reason: SkipReason
    detail: str = ""


def reach(
    customer: Reached, channel: str, *, policy: AddressPolicy, recheck_consent: bool, country_code: int
) -> str | Refusal:
    """Return the one place that a step of `channel` goes to, in the form its provider takes, or why it may not go.

    Lists have no place of their own: for them it is the word LIST.

    `policy` and `recheck_consent` are the scenario's (C-18, C-09), `country_code` the one of telephone numbers that are
    written without.
    """
    is_mail = channel in MAIL_CHANNELS
    # besides mail there is one place only: what stands against its address stands against the customer
    objections = customer.objections if is_mail else customer.objections.by_whatever_address()
    recipient = Recipient(customer.addresses, customer.newsletter_status, objections)
    if is_mail:
        place = choose_address(recipient, recheck_consent=recheck_consent, policy=policy)
    elif channel in EXPORTED_CHANNELS:
        place = _listed(objections)
    else:
        point = contact_point(customer.points, channel, country_code=country_code)
        place = choose_contact_point(recipient, point, recheck_consent=recheck_consent)
    if not isinstance(place, SkipReason):
        return place
    return Refusal(place, why_no_address(recipient, policy) if is_mail and place is SkipReason.NO_ADDRESS else "")


def _listed(objections: Objections) -> str | SkipReason:
    """Return whether a customer may be on a list: what it is used for is no newsletter, so that status says nothing."""
    if objections.is_suppressed:
        return SkipReason.SUPPRESSED
    return SkipReason.OPTED_OUT if objections.is_opted_out else LIST

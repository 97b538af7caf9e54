"""Whether a customer may be written to now, and at which address. Pure; the facts are read at the claim.

Order of the checks: suppression and address, opt-outs, then newsletter status. Belongs here: the rules of mail, and the
words for why somebody is skipped, of any channel. Does not belong here: the rules of other channels (`contact_points`),
which of them a step goes by (`reach`), how an address is spelled (`addresses`), or reading what is judged
(`consent.objections`, `sending.compose`).
"""

from collections.abc import Set
from enum import StrEnum
from typing import Literal, NamedTuple

from ekiden.delivery.address.addresses import NotAnAddress, compared, normalised
from ekiden.delivery.consent.objections import NO_OBJECTIONS, Objections
from ekiden.scenarios.scenario import AddressPolicy

# The carriers' own domains in Japan: mail there goes to a mobile phone (R-143). Smartphones keep such addresses too.
MOBILE_DOMAINS = frozenset(
    {
        "docomo.ne.jp",
        "ezweb.ne.jp",
        "au.com",
        "softbank.ne.jp",
        "i.softbank.jp",
        "vodafone.ne.jp",
        "disney.ne.jp",
        "ymobile.ne.jp",
        "ymobile1.ne.jp",
        "y-mobile.ne.jp",
        "willcom.com",
        "pdx.ne.jp",
        "emnet.ne.jp",
        "rakumail.jp",
        "uqmobile.jp",
    }
)


BOTH_ADDRESSES = AddressPolicy()
"""What holds where a scenario says nothing: both addresses, the first one first (C-18)."""


class SkipReason(StrEnum):
    """Why a message was withheld at the last moment (transition T8)."""

    SUPPRESSED = "suppressed"
    NO_ADDRESS = "no_address"
    OPTED_OUT = "opted_out"
    NEWSLETTER_STATUS = "newsletter_status"
    CONTENT_INVALID = "content_invalid"


class Recipient(NamedTuple):
    """What is known of a customer at the moment of the check."""

    addresses: tuple[str | None, ...]
    """As the shop wrote them, the first one first."""
    newsletter_status: str | None
    objections: Objections = NO_OBJECTIONS


def choose_address(
    recipient: Recipient, *, recheck_consent: bool, policy: AddressPolicy = BOTH_ADDRESSES
) -> str | SkipReason:
    """Return the one address to use, in the form mail goes to, or why there is none.

    The suppression list is above every setting (C-09), and so is an opt-out (特定電子メール法 3(3)); `recheck_consent`
    False leaves out the newsletter status only (R-141). The preferred domain decides between addresses that may be
    used and keeps no mail back (R-145).
    """
    if recipient.objections.is_suppressed:
        return SkipReason.SUPPRESSED
    usable = [address for address, _ in _read(recipient, policy) if address]
    if not usable:
        return SkipReason.NO_ADDRESS
    allowed = _without(recipient.objections.suppressed_addresses, usable)
    if not allowed:
        return SkipReason.SUPPRESSED
    allowed = [] if recipient.objections.is_opted_out else _without(recipient.objections.opted_out_addresses, allowed)
    if not allowed:
        return SkipReason.OPTED_OUT
    if recheck_consent:
        allowed = [address for address in allowed if _accepted(recipient.newsletter_status, address)]
    return _preferred(allowed, policy) if allowed else SkipReason.NEWSLETTER_STATUS


def why_no_address(recipient: Recipient, policy: AddressPolicy = BOTH_ADDRESSES) -> str:
    """Return why none of the addresses can be used, for an operator; repeats none of them."""
    said = [f"address {number}: {why}" for number, (_, why) in enumerate(_read(recipient, policy), start=1) if why]
    return "; ".join(said) or "the customer has no mail address"


def domain_kind(address: str) -> Literal["pc", "mobile"]:
    """Return whether an address is at a mobile carrier's domain, or at any other (R-143)."""
    return "mobile" if is_mobile(address) else "pc"


def is_mobile(address: str) -> bool:
    """Return whether an address belongs to a mobile carrier."""
    domain = address.rpartition("@")[2].lower()
    while domain and domain not in MOBILE_DOMAINS:
        # what lies below a carrier's domain is the carrier's
        domain = domain.partition(".")[2]
    return bool(domain)


def _preferred(allowed: list[str], policy: AddressPolicy) -> str:
    return next((each for each in allowed if domain_kind(each) == policy.preferred_domain), allowed[0])


def _read(recipient: Recipient, policy: AddressPolicy) -> list[tuple[str | None, str]]:
    """Return each address in the form mail goes to, or why it does not; neither for one that is not there."""
    switches = (policy.use_1, policy.use_2)
    return [_read_one(given, used) for given, used in zip(recipient.addresses, switches, strict=False)]


def _read_one(given: str | None, used: bool) -> tuple[str | None, str]:
    if not given or not given.strip():
        return None, ""
    if not used:
        return None, "the scenario does not use it (address_policy)"
    try:
        return normalised(given), ""
    except NotAnAddress as fault:
        return None, str(fault)


def _without(barred: Set[str], addresses: list[str]) -> list[str]:
    return [address for address in addresses if compared(address) not in barred] if barred else addresses


def _accepted(newsletter_status: str | None, address: str) -> bool:
    match newsletter_status:
        case "both":
            return True
        case "pc":
            return not is_mobile(address)
        case "mobile":
            return is_mobile(address)
        case _:
            return False

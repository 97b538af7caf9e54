"""Whether a customer may be written to now, and at which address. Pure; the facts are read at the claim.

Order of the checks: suppression and address, then newsletter status (glossary, order of checks at dispatch).
"""

from dataclasses import dataclass
from enum import StrEnum

from ekiden.delivery.channels.addressing import split_address

# The carriers' own domains in Japan: mail there goes to a mobile phone (R-143). Smartphones keep such addresses too.
MOBILE_DOMAINS = (
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
)


class SkipReason(StrEnum):
    """Why a message was withheld at the last moment (transition T8)."""

    SUPPRESSED = "suppressed"
    NO_ADDRESS = "no_address"
    NEWSLETTER_STATUS = "newsletter_status"
    CONTENT_INVALID = "content_invalid"


@dataclass(frozen=True)
class Recipient:
    """What is known of a customer at the moment of the check."""

    addresses: tuple[str | None, ...]
    newsletter_status: str | None
    is_suppressed: bool = False
    suppressed_addresses: frozenset[str] = frozenset()
    """In lower case."""


def choose_address(recipient: Recipient, *, recheck_consent: bool) -> str | SkipReason:
    """Return the address to use, or why there is none.

    The suppression list is above every setting (C-09); `recheck_consent` False leaves out the newsletter status only
    (R-141).
    """
    if recipient.is_suppressed:
        return SkipReason.SUPPRESSED
    usable = [address for address in recipient.addresses if address and split_address(address)]
    if not usable:
        return SkipReason.NO_ADDRESS
    allowed = [address for address in usable if address.lower() not in recipient.suppressed_addresses]
    if not allowed:
        return SkipReason.SUPPRESSED
    if recheck_consent:
        allowed = [address for address in allowed if _accepted(recipient.newsletter_status, address)]
    return allowed[0] if allowed else SkipReason.NEWSLETTER_STATUS


def is_mobile(address: str) -> bool:
    """Return whether an address belongs to a mobile carrier."""
    domain = address.rpartition("@")[2].lower()
    return any(domain == mobile or domain.endswith("." + mobile) for mobile in MOBILE_DOMAINS)


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

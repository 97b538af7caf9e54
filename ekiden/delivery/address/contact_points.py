"""Where a customer is reached besides mail: the telephone, LINE, a browser's push service. Pure.

Belongs here: what of the shop's data is a place a provider can deliver to, and whether it may be used now. Does not
belong here: mail (`recipients`), and how a provider is asked (`channels`).

The newsletter status speaks of mail: its classes `pc` and `mobile` say nothing about these channels, so both mean yes
here, and `none` means no everywhere. Suppression and opt-outs hold for every channel.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ekiden.delivery.address.recipients import Recipient, SkipReason
from ekiden.scenarios.definition import Channel as StepChannel

# The documented form of a user id: https://developers.line.biz/en/docs/messaging-api/getting-user-ids/
_LINE_USER_ID = re.compile(r"U[0-9a-f]{32}")
# What no carrier delivers a short message to; a number of a kind nobody knows yet is the provider's to judge.
_WITHOUT_SMS = frozenset(
    {
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.PAGER,
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.UAN,
        PhoneNumberType.VOICEMAIL,
        PhoneNumberType.VOIP,
    }
)
_ACCEPTS_NEWSLETTERS = ("both", "pc", "mobile")


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class PushKeys(_Part):
    """The keys of one browser's subscription, in base64url (RFC 8291)."""

    # an uncompressed point of P-256 has 65 bytes, the secret 16; padding may be left out
    p256dh: str = Field(pattern=r"^[A-Za-z0-9_-]{87}=?$")
    auth: str = Field(pattern=r"^[A-Za-z0-9_-]{22}(==)?$")


class PushSubscription(_Part):
    """What a browser's PushSubscription says as JSON; the contact point of web push."""

    endpoint: str
    keys: PushKeys


class ContactPoints(NamedTuple):
    """What the shop knows of a customer's contact points, as it wrote them."""

    phone: str | None = None
    line_user_id: str | None = None
    web_push_subscription: str | None = None
    """JSON, as `PushSubscription` reads it."""


def phone_spellings(written: str, country_code: int) -> frozenset[str]:
    """Return the forms under which somebody may have said that this telephone number is not to be used."""
    number = _number(written, country_code)
    if number is None:
        return frozenset((written,))
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    forms = {
        phonenumbers.format_number(number, PhoneNumberFormat.E164),
        phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL),
        national,
        # without the first 0, as a spreadsheet leaves it; and with it behind the country's code, as in +81 (0)90
        phonenumbers.national_significant_number(number),
        f"+{number.country_code}{national}",
    }
    return frozenset({written, *forms, *("".join(filter(str.isdecimal, form)) for form in forms)})


def e164(written: str, country_code: int) -> str | None:
    """Return a telephone number as `+819012345678`, None for what is none or cannot get short messages.

    `country_code` is the one of numbers written without any, like 81 for 090-1234-5678. Full-width digits, blanks and
    signs between digits are what people write, and are read.
    """
    number = _number(written, country_code)
    # possible, not valid: new ranges are opened before a library knows them, and the provider judges in the end
    if (
        number is None
        or not phonenumbers.is_possible_number(number)
        or phonenumbers.number_type(number) in _WITHOUT_SMS
    ):
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _number(written: str, country_code: int) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(written, phonenumbers.region_code_for_country_code(country_code))
    except phonenumbers.NumberParseException:
        return None


def contact_point(points: ContactPoints, channel: str, *, country_code: int) -> str | None:
    """Return where a step of `channel` (line, sms, web_push) reaches the customer, in one spelling, None: nowhere."""
    readers: dict[str, tuple[str | None, Callable[[str], str | None]]] = {
        StepChannel.LINE: (points.line_user_id, _line_user_id),
        StepChannel.SMS: (points.phone, lambda written: e164(written, country_code)),
        StepChannel.WEB_PUSH: (points.web_push_subscription, _subscription),
    }
    written, read = readers[channel]
    return read(written) if written else None


def choose_contact_point(recipient: Recipient, point: str | None, *, recheck_consent: bool) -> str | SkipReason:
    """Return `point` if it may be used now, else why not; the checks and their order are those of mail."""
    if recipient.objections.is_suppressed:
        return SkipReason.SUPPRESSED
    if point is None:
        return SkipReason.NO_ADDRESS
    if recipient.objections.is_opted_out:
        return SkipReason.OPTED_OUT
    if recheck_consent and recipient.newsletter_status not in _ACCEPTS_NEWSLETTERS:
        return SkipReason.NEWSLETTER_STATUS
    return point


def _line_user_id(written: str) -> str | None:
    shown = written.strip()
    return shown if _LINE_USER_ID.fullmatch(shown) else None


def _subscription(written: str) -> str | None:
    try:
        return PushSubscription.model_validate_json(written).model_dump_json()
    except ValidationError:
        return None


def subscription_of(point: str) -> PushSubscription:
    """Return the subscription that `contact_point` returned for web push; ValueError for anything else."""
    return PushSubscription.model_validate_json(point)

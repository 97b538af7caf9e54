"""Mail addresses as people write them, in the one spelling that is sent to and compared by. Pure.

Belongs here: what is made of a written address, why something is none, how one is shown, also within a text of others,
and in which form an address of any channel is compared. Does not belong here: which of a customer's addresses is used
(`recipients`), how a header or a request writes one (`channels.addressing`), and where a telephone number is reached
(`contact_points`).

Made alike: blanks at both ends, full-width letters and signs (`＠`, `．`), quotes around the part before `@` that says
nothing else, the case of the domain, and an international domain, which becomes its ASCII form (IDNA 2008, mapped as
UTS 46 says). Left alone: the case of the part before `@`, dots and `+` in it, and whether the domain exists.
"""

import re
import unicodedata

import idna

from ekiden.delivery.channels.addressing import LONGEST_DOMAIN, addr_spec, split_address

LONGEST_LOCAL_PART = 64  # RFC 5321, section 4.5.3.1.1
LONGEST_ADDRESS = 254  # RFC 5321, section 4.5.3.1.3: a path of 256 with its angle brackets
SHOWN_CHARACTERS = 2
"""Of an address's local part: enough to recognise one's own, too little to write to."""

# U+FF01 to U+FF5E are the printable ASCII characters as an input method writes them while it is set to full width
_FULL_WIDTH = {code: code - 0xFF01 + 0x21 for code in range(0xFF01, 0xFF5F)}
# what an input method writes for the dot key; UTS 46 takes them for dots as well, but only beside other Unicode
_IDEOGRAPHIC_DOTS = {0x3002: ".", 0xFF61: "."}

# digits, and what people write between them: U+2010 to U+2015 are hyphens and dashes, U+2212 the minus, U+30FC the long
# vowel that an input method writes for a hyphen
_TELEPHONE_NUMBER = re.compile(r"\+?[0-9(][0-9 ()./\u2010-\u2015\u2212\u30fc-]*")
FEWEST_DIGITS = 7
"""Of what is taken for a telephone number: a number within a town has as many, with what stands before it more."""

# What stands before an @ in a text; within a link, after the last of its own signs (`https://video.example/@shop` has
# nobody's). It begins with a word: to look for one at every letter of a long word would take minutes.
_BEFORE_AT = re.compile(r"(?:\"[^\s\"]+\"|(?<![^\s@<>()\[\],;:\"/?&])[^\s@<>()\[\],;:\"/?&]+)@")
# a message's id and a SHA-256 in base64, as `consent.unsubscribe_tokens` writes them
_UNSUBSCRIBE_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}")


class NotAnAddress(ValueError):
    """No mail can go there; the text says why and repeats nothing of what was written."""


def normalised(written: str) -> str:
    """Return the address that mail goes to, plain ASCII; raise `NotAnAddress` for what is none.

    The part before `@` may have dots anywhere, as Japanese carriers have given them out. Beyond ASCII it needs SMTPUTF8
    (RFC 6531) of every server on the way, which nobody can promise: that is no address here.
    """
    text = written.strip()
    local_part, at, domain = (text if text.isascii() else text.translate(_FULL_WIDTH)).rpartition("@")
    if not at:
        raise NotAnAddress("it has no @")
    local_part = _without_quotes(local_part)
    if not local_part.isascii():
        raise NotAnAddress("the part before @ has characters beyond ASCII (SMTPUTF8), which not every server takes")
    if len(local_part) > LONGEST_LOCAL_PART:
        raise NotAnAddress(f"the part before @ is longer than {LONGEST_LOCAL_PART} characters")
    address = f"{local_part}@{_ascii_domain(domain)}"
    if split_address(address) is None:
        raise NotAnAddress("it is not written like a mail address")
    if len(address) > LONGEST_ADDRESS:
        raise NotAnAddress(f"it is longer than {LONGEST_ADDRESS} characters")
    return address


def compared(written: str) -> str:
    """Return the form in which addresses are compared and suppressed: `normalised`, in lower case.

    Servers may tell cases apart (RFC 5321, section 2.4), and none does. Of a telephone number its digits, behind the +
    if it begins with one. What is neither stays as it was written, in lower case.
    """
    try:
        return normalised(written).lower()
    except NotAnAddress:
        return _bare_number(written) or as_written(written)


def as_written(written: str) -> str:
    """Return an address in lower case and otherwise as it was written: the form in which older entries hold numbers."""
    return written.strip().lower()


def telephone_digits(written: str) -> str | None:
    """Return the digits of a telephone number, None for what is none."""
    number = _bare_number(written)
    return number.removeprefix("+") if number else None


def _bare_number(written: str) -> str | None:
    number = unicodedata.normalize("NFKC", written.strip())
    if _TELEPHONE_NUMBER.fullmatch(number) is None:
        return None
    bare = re.sub(r"[^0-9+]", "", number)
    return bare if len(bare.removeprefix("+")) >= FEWEST_DIGITS else None


def spellings(written: str) -> frozenset[str]:
    """Return the forms under which a list that others write, or an older entry, may hold it, all in lower case."""
    address = compared(written)
    local_part, _, domain = address.rpartition("@")
    in_quotes = addr_spec(address) if split_address(address) else address
    in_unicode = f"{local_part}@{_unicode_domain(domain)}"
    return frozenset((written.lower(), as_written(written), address, in_quotes, in_unicode))


def _without_quotes(local_part: str) -> str:
    """Return `taro.` for `"taro."`: the same mailbox (RFC 5321, section 4.1.2); channels quote by themselves."""
    quotes = '""'
    if len(local_part) > len(quotes) and local_part[0] + local_part[-1] == quotes:
        return local_part[1:-1]
    return local_part


def _ascii_domain(domain: str) -> str:
    if not domain.isascii():
        domain = domain.translate(_IDEOGRAPHIC_DOTS)
    if domain.isascii():
        # as it stands: IDNA would turn away domains that exist, like those with hyphens in third and fourth place
        return domain.lower()
    if len(domain) > LONGEST_DOMAIN:
        raise NotAnAddress(f"the domain is longer than {LONGEST_DOMAIN} characters")
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError:
        raise NotAnAddress("the domain is no international domain name (IDNA 2008)") from None


def _unicode_domain(domain: str) -> str:
    if "xn--" not in domain:
        return domain
    try:
        return idna.decode(domain)
    except UnicodeError:
        return domain


def masked(address: str | None) -> str:
    """Return an address that can be shown: its domain and the first characters of its local part.

    Of a contact point that is no mail address, the first and last characters.
    """
    if not address:
        return ""
    if "@" not in address:
        shown = min(SHOWN_CHARACTERS, (len(address) - 1) // 2)
        return f"{address[:shown]}…{address[len(address) - shown :]}"
    local_part, _, domain = address.rpartition("@")
    # never all of it, however short it is
    return f"{local_part[: min(SHOWN_CHARACTERS, len(local_part) - 1)]}…@{domain}"


def without_people(text: str) -> str:
    """Return what others wrote, fit to be shown: addresses in it masked, and `without_tokens`.

    Receiving servers repeat an address where they turn a message away, and a link that was followed may be that to
    unsubscribe.
    """
    return without_tokens(_BEFORE_AT.sub(lambda found: masked(found[0]), text))


def without_tokens(text: str) -> str:
    """Return a text without the tokens of unsubscribe links: whoever has one can opt its customer out."""
    return _UNSUBSCRIBE_TOKEN.sub("…", text)

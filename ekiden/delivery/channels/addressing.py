"""Addresses and headers that all mail channels write alike.

Does not belong here: which of a customer's addresses is used (the sender decides).
"""

import re
from functools import lru_cache
from urllib.parse import quote

from ekiden.content.variables import harmless
from ekiden.delivery.channels.base import OutgoingMessage

# What RFC 5322 allows in an unquoted local part, and dots anywhere: Japanese carriers have given out
# addresses like `taro..yamada.@docomo.example`, which are real, and which a mail must carry in quotes.
_LOCAL_PART = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# a last label of digits alone is an IP address, which providers do not deliver to
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?![0-9]+$){_LABEL}")
LONGEST_DOMAIN = 253  # characters; RFC 1035
_LONGEST_NAME = 200  # a display name is for reading; no provider documents a limit, long ones are cut
# Quoted, a character has up to 12; a line may have 998 with the header's name (RFC 5322, section 2.1.1).
_LONGEST_CODE = 80

# printable ASCII without < and >, which would end the header's value
_URL = re.compile(r"https?://[!-;=?-~]+")


# The From address stands in every message, and a recipient's is asked for twice within a batch of 1,000.
@lru_cache(maxsize=4096)
def split_address(address: str) -> tuple[str, str] | None:
    """Return local part and domain, None for what is no plain ASCII address without quotes (RFC 5321)."""
    local_part, _, domain = address.rpartition("@")
    if not _LOCAL_PART.fullmatch(local_part):
        return None
    if len(domain) > LONGEST_DOMAIN or not _DOMAIN.fullmatch(domain):
        return None
    return local_part, domain


def addr_spec(address: str) -> str:
    """Return `address` as headers, SMTP and requests write it (RFC 5322, section 3.4.1); ValueError: it is none.

    Two dots together or one at an end are no dot-atom (RFC 5322, section 3.2.3), and providers turn them away unless
    the local part stands in quotes, where they are allowed.
    """
    parts = split_address(address)
    if parts is None:
        raise ValueError("not a mail address; check with addressing.fault_of first")
    local_part, domain = parts
    return address if all(local_part.split(".")) else f'"{local_part}"@{domain}'


def without_address(text: str, address: str) -> str:
    """Return what a provider said without the recipient's `address`, in any case, also as headers write it."""
    spellings = {address, addr_spec(address)} if split_address(address) else {address}
    return re.sub("|".join(map(re.escape, spellings)), "…", text, flags=re.IGNORECASE)


def display_name(name: str) -> str:
    """Return `name` fit to be shown beside an address: one line, of readable length."""
    return harmless(name)[:_LONGEST_NAME].strip()


# The code is the same in all messages of a scenario, and quoting it would take half of the time of their headers.
_quoted = lru_cache(maxsize=1024)(quote)


def list_headers(message: OutgoingMessage) -> dict[str, str]:
    """Return the headers that both mail programs and we read, besides those every mail has.

    One-click unsubscribing is for https links only (RFC 8058, section 3.1). `Auto-Submitted` (RFC 3834) keeps
    out-of-office answers away from people who answer our mail. The rest is lineage, opaque to others.
    """
    if message.for_administrator:
        return {"Auto-Submitted": "auto-generated", "X-Ekiden-Message": str(message.message_id)}
    headers = {"List-Unsubscribe": f"<{message.unsubscribe_url}>"}
    if message.unsubscribe_url.startswith("https://"):
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers | {
        "Auto-Submitted": "auto-generated",
        "X-Ekiden-Message": str(message.message_id),
        # a code is free text, a header is not
        "X-Ekiden-Scenario": _quoted(message.scenario_code[:_LONGEST_CODE]),
        "X-Ekiden-Step": str(message.step_no),
    }


def can_begin_links(url: str) -> bool:
    """Return whether a token appended to `url` makes a link that mail may carry."""
    return _URL.fullmatch(url) is not None and not {"?", "#"} & set(url)


def fault_of(message: OutgoingMessage) -> str | None:
    """Return why no mail channel can carry `message`, None if it can; without the address itself."""
    if split_address(message.to_address) is None:
        return "the recipient's address is not a plain mail address"
    for address in (message.from_address.address, message.from_address.reply_to):
        if address is not None and split_address(address) is None:
            return f"{address!r} is not a mail address; set EKIDEN_SENDER_ADDRESS and EKIDEN_REPLY_TO"
    if not message.for_administrator and not _URL.fullmatch(message.unsubscribe_url):
        return "the unsubscribe link is not an http(s) URL; set EKIDEN_UNSUBSCRIBE_URL"
    return None

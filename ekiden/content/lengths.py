"""How long a text may be by the channel that carries it, so that what is too long for everybody is told before.

Belongs here: providers' limits and how they count. Does not belong here: how a text is handed over
(`ekiden.delivery.channels`). Mail has no limit of this kind.
"""

import json

from ekiden.content.message import RenderedMessage

LONGEST_LINE_TEXT = 5_000  # as LINE counts (its page "Character counting in a text")
LONGEST_SMS = 1_600  # Twilio's error 21617
# A push service takes 4,096 bytes (RFC 8030, section 7.2): head 86, padding's end 1, authentication 16 (RFC 8188).
LONGEST_NOTIFICATION = 4_096 - 86 - 1 - 16

_LONGEST_TEXTS = {"line": ("LINE", LONGEST_LINE_TEXT), "sms": ("Twilio", LONGEST_SMS)}
_AS_LONG_AS_AN_ID = "0" * 36


def fault_of_length(channel: str | None, rendered: RenderedMessage, *, shop_url: str = "") -> str | None:
    """Return why a step's channel takes no text of this length, None if it does; `shop_url` as in `notification`."""
    if channel == "web_push":
        size = len(notification(rendered, _AS_LONG_AS_AN_ID, shop_url))
        too_long = f"the notification has {size:,} bytes; it may have {LONGEST_NOTIFICATION:,}; shorten it"
        return too_long if size > LONGEST_NOTIFICATION else None
    if channel not in _LONGEST_TEXTS:
        return None
    provider, longest = _LONGEST_TEXTS[channel]
    units = len(rendered.text.strip().encode("utf-16-le")) // 2
    if not units:
        return "the text is empty"
    return f"the text has {units:,} UTF-16 units; {provider} takes {longest:,}; shorten it" if units > longest else None


def notification(rendered: RenderedMessage, message_id: str, shop_url: str = "") -> bytes:
    """Return what a browser's service worker is handed; without `shop_url`, no address to open."""
    shown = {"title": rendered.subject, "body": rendered.text.strip(), "tag": message_id}
    return json.dumps(shown | ({"url": shop_url} if shop_url else {}), ensure_ascii=False).encode()

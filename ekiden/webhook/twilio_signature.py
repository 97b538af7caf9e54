"""Whether a request is Twilio's: HMAC-SHA1, by the account's token, over the address it was sent to and its fields.

Pure. Belongs here: what is signed. Does not belong here: HTTP (`app`). The document:
https://www.twilio.com/docs/usage/webhooks/webhooks-security
"""

import base64
import hmac
from collections.abc import Sequence

from pydantic import SecretStr

SIGNATURE_HEADER = "X-Twilio-Signature"


def is_signed(token: SecretStr, urls: Sequence[str], fields: Sequence[tuple[str, str]], signature: str) -> bool:
    """Return whether Twilio signed these fields for one of `urls`; the signature may be anything."""
    # of a field that is there twice the values count in order, and each once
    told = "".join(f"{name}{value}" for name, value in sorted(set(fields)))
    return any(hmac.compare_digest(_signature(token, url + told), signature.encode()) for url in urls)


def _signature(token: SecretStr, signed: str) -> bytes:
    return base64.b64encode(hmac.digest(token.get_secret_value().encode(), signed.encode(), "sha1"))

"""Whether a request is Twilio's: HMAC-SHA1, by the account's token, over the address it was sent to and its fields.

Pure. Belongs here: what is signed. Does not belong here: HTTP (`twilio`). The document:
https://www.twilio.com/docs/usage/webhooks/webhooks-security
"""

import base64
import hmac
import re
from collections.abc import Iterable, Sequence

from pydantic import SecretStr

SIGNATURE_HEADER = "X-Twilio-Signature"

_ADDRESS = re.compile(r"(https?)(://[^/?#]*?)(?::([0-9]*))?([/?#].*)?", re.IGNORECASE | re.DOTALL)
_USUAL_PORTS = {"http": "80", "https": "443"}


def signed_forms(called: str) -> frozenset[str]:
    """Return what Twilio may have signed of an address that it was told to call.

    As it stands, with its port and without: which of them is not always the same, and Twilio's own clients take either.
    Nor do its documents say whether what stands behind the # is signed.
    """
    forms = {called}
    if found := _ADDRESS.fullmatch(called):
        scheme, host, port, rest = found.groups(default="")
        forms |= {f"{scheme}{host}{rest}", f"{scheme}{host}:{port or _USUAL_PORTS[scheme.lower()]}{rest}"}
    return frozenset(forms | {each.partition("#")[0] for each in forms})


def is_signed(token: SecretStr, urls: Iterable[str], fields: Sequence[tuple[str, str]], signature: str) -> bool:
    """Return whether Twilio signed these fields for one of `urls`; the signature may be anything."""
    # of a field that is there twice the values count in order, and each once
    told = "".join(f"{name}{value}" for name, value in sorted(set(fields)))
    return any(hmac.compare_digest(_signature(token, url + told), signature.encode()) for url in urls)


def _signature(token: SecretStr, signed: str) -> bytes:
    return base64.b64encode(hmac.digest(token.get_secret_value().encode(), signed.encode(), "sha1"))

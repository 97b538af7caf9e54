"""Whether a request of SendGrid's event webhook is SendGrid's: ECDSA on P-256 with SHA-256 over timestamp and body.

Pure, and of raw bytes: a body that was decoded, or lost its last line break, is another body. Belongs here: keys,
signatures, ages. Does not belong here: HTTP (`sendgrid`). The document:
https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
"""

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from ekiden.errors import SaysEnough

SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"

AHEAD = timedelta(minutes=5)
"""How far the provider's clock may be before ours: what the Standard Webhooks specification allows."""

_SECONDS = re.compile(r"[0-9]{1,11}")  # until the year 5138
_LONGEST_SIGNATURE = 200  # characters; one of P-256 has at most 96


class KeyUnreadable(SaysEnough, ValueError):
    """A verification key in the settings is none."""


def read_keys(texts: Sequence[str]) -> tuple[EllipticCurvePublicKey, ...]:
    """Return the public keys that SendGrid shows as base64 of their DER form; raises `KeyUnreadable`."""
    return tuple(_read_key(number, text) for number, text in enumerate(texts, start=1))


def is_signed(
    keys: Sequence[EllipticCurvePublicKey], signature: str | None, timestamp: str | None, body: bytes
) -> bool:
    """Return whether one of the keys signed this body at this timestamp; the headers may be anything."""
    if signature is None or signed_at(timestamp) is None or len(signature) > _LONGEST_SIGNATURE:
        return False
    assert timestamp is not None  # it was read just now
    try:
        given = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    return any(_verifies(key, given, timestamp.encode("ascii") + body) for key in keys)


def signed_at(timestamp: str | None) -> datetime | None:
    """Return the instant of a timestamp header, which is whole seconds since 1970; None if it is none."""
    if timestamp is None or not _SECONDS.fullmatch(timestamp):
        return None
    return datetime.fromtimestamp(int(timestamp), UTC)


def is_stale(moment: datetime, *, now: datetime, max_age: timedelta) -> bool:
    """Return whether a request signed at `moment` is too old, or further ahead than clocks go apart."""
    return moment < now - max_age or moment > now + AHEAD


def _read_key(number: int, text: str) -> EllipticCurvePublicKey:
    # SendGrid's page shows the bare base64; with the frame of a PEM file it is the same key
    bare = re.sub(r"-----[A-Z ]+-----|\s", "", text)
    try:
        key = load_der_public_key(base64.b64decode(bare, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise KeyUnreadable(_complaint(number)) from error
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise KeyUnreadable(_complaint(number))
    return key


def _complaint(number: int) -> str:
    return (
        f"EKIDEN_SENDGRID_WEBHOOK_KEY: key {number} is no verification key; copy it from SendGrid, Settings, Mail "
        "Settings, Event Webhooks, where the signed event webhook shows it (it begins with MFkw)"
    )


def _verifies(key: EllipticCurvePublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True

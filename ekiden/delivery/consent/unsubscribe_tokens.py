"""The opaque tokens of unsubscribe links: made for a message, and read back (RFC 8058, section 3.1).

Belongs here: signing, verifying, and the secrets that do. Does not belong here: what an unsubscription does
(`opt_outs`), or the pages behind the link (`ekiden.webhook.unsubscribe`).
"""

import hashlib
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from itsdangerous import BadSignature, Signer

from ekiden.errors import SaysEnough
from ekiden.settings import NO_UNSUBSCRIBE_URL, SHORTEST_SECRET, Settings

SALT = "ekiden unsubscribe link"
"""What the signatures are for: the same secret signs nothing else by accident."""

PADDING = "=="
"""What base64 appends to 16 bytes; a link goes without."""


class SecretUnusable(SaysEnough, ValueError):
    """The file that should hold the secret of unsubscribe links does not."""


@dataclass(frozen=True)
class UnsubscribeLinks:
    """Makes and reads the links of a deployment; without a signer they carry the bare message id and lead nowhere."""

    url: str
    signer: Signer | None

    def link(self, message_id: UUID) -> str:
        """Return the unsubscribe link of a message."""
        token = token_of(self.signer, message_id) if self.signer else str(message_id)
        return f"{self.url}/{token}"


def links_for(settings: Settings) -> UnsubscribeLinks:
    """Return what makes this deployment's links; raises `SecretUnusable`.

    Signed as soon as `unsubscribe_url` is set to anything.
    """
    is_public = settings.unsubscribe_url != NO_UNSUBSCRIBE_URL
    return UnsubscribeLinks(settings.unsubscribe_url.rstrip("/"), signer_for(settings) if is_public else None)


def signer_for(settings: Settings) -> Signer:
    """Return the signer of this deployment: the newest secret signs, older ones verify; raises `SecretUnusable`."""
    newest_first = [secret.get_secret_value() for secret in settings.unsubscribe_secret]
    return signer_of(newest_first or _kept_secrets(settings.unsubscribe_secret_file))


def signer_of(newest_first: list[str]) -> Signer:
    """Return a signer by these secrets."""
    # itsdangerous signs with the last one; deriving the keys here, not with every message, halves the work
    deriving = Signer(newest_first[::-1], SALT, digest_method=hashlib.sha256, key_derivation="hmac")
    keys = [deriving.derive_key(secret) for secret in deriving.secret_keys]
    return Signer(keys, digest_method=hashlib.sha256, key_derivation="none")


def token_of(signer: Signer, message_id: UUID) -> str:
    """Return the token of a message: characters that need no quoting in a URL, and tell nothing but the id."""
    return signer.sign(urlsafe_b64encode(message_id.bytes).rstrip(b"=")).decode("ascii")


def message_of(signer: Signer, token: str) -> UUID | None:
    """Return the message that a token is of, None for whatever we did not sign."""
    try:
        name = signer.unsign(token.encode("ascii"))
        message_id = UUID(bytes=urlsafe_b64decode(name + PADDING.encode()))
    except (BadSignature, ValueError):
        return None
    # base64 reads several spellings as one; only ours is a token
    return message_id if token_of(signer, message_id).partition(".")[0] == name.decode("ascii") else None


def _kept_secrets(file: Path) -> list[str]:
    """Return the secrets of a file, one a line and the newest first; made, with one in it, if there is none."""
    if not file.exists():
        _make(file)
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        # not with signs in the place of what cannot be read: they would be the same in every secret
        lines = []
    kept = [line.strip() for line in lines if line.strip()]
    if not kept or min(map(len, kept)) < SHORTEST_SECRET:
        raise SecretUnusable(
            f"{file} should hold secrets of at least {SHORTEST_SECRET} characters, one a line, the newest first, in "
            "UTF-8. "
            "Restore it: without it, the links in messages already sent work no more."
        )
    return kept


def _make(file: Path) -> None:
    """Make a secret that is whole or not there at all; of several processes that do so at once, one wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(f"{secrets.token_hex(32)}\n")
            stream.flush()
            os.fsync(stream.fileno())
        # unlike a rename, a link never takes the place of another process's secret
        with suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()

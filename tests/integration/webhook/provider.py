"""A provider that signs what it posts, and a way to ask the application without a server.

Belongs here: what the tests of this folder share.
"""

import asyncio
import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.types import ASGIApp

from ekiden.webhook.sendgrid_signature import SIGNATURE_HEADER, TIMESTAMP_HEADER

PATH = "/webhook/sendgrid"


@dataclass
class Provider:
    """Somebody with a key pair."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def public_key(self) -> str:
        der = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(der).decode()

    def headers(self, body: bytes, at: datetime) -> dict[str, str]:
        timestamp = str(int(at.timestamp()))
        signature = self.key.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
        return {
            "content-type": "application/json",
            SIGNATURE_HEADER: base64.b64encode(signature).decode(),
            TIMESTAMP_HEADER: timestamp,
        }


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def event(kind: str, at: datetime, message_id: UUID | str | None = None, **fields: Any) -> dict[str, Any]:
    told = {
        "event": kind,
        "timestamp": int(at.timestamp()),
        "ekiden_message_id": str(message_id) if message_id else None,
    }
    return {name: value for name, value in {**told, **fields}.items() if value is not None}


def body_of(*events: dict[str, Any]) -> bytes:
    """A body as the provider writes it, with its last line break."""
    return orjson.dumps(list(events)) + b"\r\n"


def ask(
    app: ASGIApp,
    body: bytes | Sequence[bytes] = b"",
    headers: dict[str, str] | Iterable[tuple[bytes, bytes]] = (),
    *,
    method: str = "POST",
    path: str = PATH,
    is_cut_off: bool = False,
) -> Answer:
    """Answer of the application, asked as a server asks it; the body may come in parts, and not to its end."""
    parts = [body] if isinstance(body, bytes) else list(body)
    pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()] if isinstance(
        headers, dict
    ) else list(headers)  # fmt: skip
    return asyncio.run(_ask(app, parts, pairs, method, path, is_cut_off))


async def _ask(
    app: ASGIApp, parts: list[bytes], headers: list[tuple[bytes, bytes]], method: str, path: str, is_cut_off: bool
) -> Answer:
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 3001),
    }  # fmt: skip
    coming = list(parts)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if coming:
            part = coming.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(coming) or is_cut_off}
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    told = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:]), told)

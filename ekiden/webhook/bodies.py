"""Reading what somebody posts, whoever it is: of the kind that is asked for, no more bytes and no longer than allowed.

Does not belong here: what a body says.
"""

import asyncio

from starlette.requests import ClientDisconnect, Request

from ekiden.webhook.refusals import RefusalReason, RequestRefused


async def read_body(request: Request, *, most_bytes: int, most_seconds: float) -> bytes:
    """Return the whole body; raises `RequestRefused` as soon as it is too large, too slow or cut off."""
    body = bytearray()
    try:
        async with asyncio.timeout(most_seconds):
            async for part in request.stream():
                body += part
                if len(body) > most_bytes:
                    raise RequestRefused(RefusalReason.TOO_LARGE)
    except TimeoutError:
        raise RequestRefused(RefusalReason.TOO_SLOW) from None
    except ClientDisconnect:
        raise RequestRefused(RefusalReason.CUT_OFF) from None
    return bytes(body)


def is_plain(request: Request, content_type: str) -> bool:
    """Return whether a request's head says that its body is of this type, and not compressed."""
    told = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    return told == content_type and encoding == "identity"

"""Reading what somebody posts, whoever it is: no more bytes and no longer than is allowed.

Does not belong here: what a body says.
"""

import asyncio

from starlette.requests import ClientDisconnect, Request

from ekiden.webhook.answers import TurnedAway
from ekiden.webhook.requests import Refusal


async def read_body(request: Request, *, most_bytes: int, most_seconds: float) -> bytes:
    """Return the whole body; raises `TurnedAway` as soon as it is too large, too slow or cut off."""
    body = bytearray()
    try:
        async with asyncio.timeout(most_seconds):
            async for part in request.stream():
                body += part
                if len(body) > most_bytes:
                    raise TurnedAway(Refusal.TOO_LARGE)
    except TimeoutError:
        raise TurnedAway(Refusal.TOO_SLOW) from None
    except ClientDisconnect:
        raise TurnedAway(Refusal.CUT_OFF) from None
    return bytes(body)

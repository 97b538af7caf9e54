"""How requests are refused: for what, beyond which limits, with which status and in which words.

Does not belong here: finding out that one is to be refused (`door` and the providers' modules), and keeping the counts
of those that were (`requests`).
"""

from enum import StrEnum
from http import HTTPStatus

from starlette.responses import PlainTextResponse, Response

MOST_BYTES = 2 * 1024 * 1024
"""Of one request. SendGrid posts 768 KB at most; the rest is for what it may change."""
MOST_SECONDS = 30
"""In which a request's body must have come: two megabytes by a slow line."""


class RefusalReason(StrEnum):
    """Why a request was refused."""

    NOT_CONFIGURED = "not_configured"
    CONTENT_TYPE = "content_type"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    CUT_OFF = "cut_off"
    BAD_SIGNATURE = "bad_signature"
    STALE = "stale"
    MALFORMED = "malformed"
    NOT_STORED = "not_stored"
    TOO_MANY = "too_many"


STATUS = {
    RefusalReason.NOT_CONFIGURED: HTTPStatus.SERVICE_UNAVAILABLE,
    RefusalReason.CONTENT_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    RefusalReason.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    RefusalReason.TOO_SLOW: HTTPStatus.REQUEST_TIMEOUT,
    RefusalReason.CUT_OFF: HTTPStatus.BAD_REQUEST,
    RefusalReason.BAD_SIGNATURE: HTTPStatus.UNAUTHORIZED,
    RefusalReason.STALE: HTTPStatus.FORBIDDEN,
    RefusalReason.MALFORMED: HTTPStatus.BAD_REQUEST,
    RefusalReason.NOT_STORED: HTTPStatus.SERVICE_UNAVAILABLE,
    RefusalReason.TOO_MANY: HTTPStatus.SERVICE_UNAVAILABLE,
}

TOLD = {
    RefusalReason.NOT_CONFIGURED: "nothing is set here to verify requests by: docs/webhook.md",
    RefusalReason.CONTENT_TYPE: "this content type is not taken, nor anything compressed",
    RefusalReason.TOO_LARGE: f"a request has at most {MOST_BYTES} bytes",
    RefusalReason.TOO_SLOW: f"the body did not come within {MOST_SECONDS} seconds",
    RefusalReason.CUT_OFF: "the body did not come to its end",
    RefusalReason.BAD_SIGNATURE: "the signature is missing or wrong",
    RefusalReason.STALE: "it was signed too long ago, or in the future",
    RefusalReason.MALFORMED: "the body cannot be read",
    RefusalReason.NOT_STORED: "it could not be stored; send it again",
    RefusalReason.TOO_MANY: "too many others are still being read; send it again",
}


class RequestRefused(Exception):
    """A request is refused."""

    def __init__(self, reason: RefusalReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def answer_refusal(reason: RefusalReason) -> Response:
    """Return the answer to a request that is refused."""
    # what is left of a body that was not read to its end is nothing that could be answered
    return PlainTextResponse(TOLD[reason], STATUS[reason], headers={"connection": "close"})

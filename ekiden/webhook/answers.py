"""How requests are turned away: for what, with which status, in which words. Nothing is read or stored here."""

from http import HTTPStatus

from starlette.responses import PlainTextResponse, Response

from ekiden.webhook.requests import Refusal

MOST_BYTES = 2 * 1024 * 1024
"""Of one request. SendGrid posts 768 KB at most; the rest is for what it may change."""
MOST_SECONDS = 30
"""In which a request's body must have come: two megabytes by a slow line."""

STATUS = {
    Refusal.NOT_CONFIGURED: HTTPStatus.SERVICE_UNAVAILABLE,
    Refusal.CONTENT_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Refusal.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Refusal.TOO_SLOW: HTTPStatus.REQUEST_TIMEOUT,
    Refusal.CUT_OFF: HTTPStatus.BAD_REQUEST,
    Refusal.BAD_SIGNATURE: HTTPStatus.UNAUTHORIZED,
    Refusal.STALE: HTTPStatus.FORBIDDEN,
    Refusal.MALFORMED: HTTPStatus.BAD_REQUEST,
    Refusal.NOT_STORED: HTTPStatus.SERVICE_UNAVAILABLE,
    Refusal.TOO_MANY: HTTPStatus.SERVICE_UNAVAILABLE,
}

TOLD = {
    Refusal.NOT_CONFIGURED: "nothing is set here to verify requests by: docs/webhook.md",
    Refusal.CONTENT_TYPE: "this content type is not taken, nor anything compressed",
    Refusal.TOO_LARGE: f"a request has at most {MOST_BYTES} bytes",
    Refusal.TOO_SLOW: f"the body did not come within {MOST_SECONDS} seconds",
    Refusal.CUT_OFF: "the body did not come to its end",
    Refusal.BAD_SIGNATURE: "the signature is missing or wrong",
    Refusal.STALE: "it was signed too long ago, or in the future",
    Refusal.MALFORMED: "the body cannot be read",
    Refusal.NOT_STORED: "it could not be stored; send it again",
    Refusal.TOO_MANY: "too many others are still being read; send it again",
}


class TurnedAway(Exception):
    """A request is turned away."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason.value)
        self.reason = reason


def answer(reason: Refusal) -> Response:
    """Return the answer to a request that is turned away."""
    # what is left of a body that was not read to its end is nothing that could be answered
    return PlainTextResponse(TOLD[reason], STATUS[reason], headers={"connection": "close"})

"""A provider that stands in for SendGrid: what it is posted must be as SendGrid describes it."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.delivery.channels.mail import faults_of_body
from tests.integration.delivery.channels.provider import Answer, Provider, answer, provider


@contextmanager
def sink(*answers: Answer) -> Iterator[Provider]:
    with provider(*answers) as server:
        yield server
    posted = [request for request in server.requests if (request.method, request.path) == ("POST", "/v3/mail/send")]
    assert [fault for request in posted for fault in faults_of_body(request.json)] == []


def errors(status: int, message: str, field: str | None = None) -> Answer:
    said = {"message": message, "field": field, "help": None}
    return answer(status, {"errors": [said]}, Content_Type="application/json")

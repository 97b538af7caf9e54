import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from ekiden.delivery.channels.sendgrid.answers import LONGEST_WAIT, Meaning, UnderstoodAnswer, understand

NOW = datetime(2024, 2, 29, 3, 0, 0, tzinfo=UTC)
IN_A_MINUTE = str(int(NOW.timestamp()) + 60)


def said(status: int, *errors: tuple[object, object], **headers: str) -> UnderstoodAnswer:
    body = json.dumps({"errors": [{"field": field, "message": message} for field, message in errors]}).encode()
    return of(status, body, **headers)


def of(status: int, body: bytes = b"", **headers: str) -> UnderstoodAnswer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return understand(status, names, body, now=NOW, secrets=["SG.key"])


STATUSES = {
    202: Meaning.accepted,
    **dict.fromkeys((400, 413), Meaning.refused),
    **dict.fromkeys((401, 403, 406, 451), Meaning.stopped),
    429: Meaning.busy,
}


@pytest.mark.parametrize("status", [*range(100, 600, 7), *STATUSES, 200, 201, 204, 301, 302, 404, 408, 422, 500, 503])
def test_a_status_means_what_is_documented_and_any_other_is_unknown(status: int) -> None:
    assert of(status).meaning is STATUSES.get(status, Meaning.unknown)


def test_an_answer_with_half_a_character_means_what_the_rest_of_it_says() -> None:
    body = rb'{"errors": [{"field": "from", "message": "no verified sender: \ud83d"}]}'
    assert of(400, body).meaning is Meaning.stopped


def test_an_accepted_request_has_an_id_fit_for_the_ledger() -> None:
    assert of(202, X_Message_Id="abc").provider_message_id == "abc"
    assert of(202).provider_message_id is None
    assert of(202, X_Message_Id="a\x00b" + "c" * 500).provider_message_id == "a b" + "c" * 197


@pytest.mark.parametrize(
    ("reset", "wait"),
    [
        (IN_A_MINUTE, timedelta(seconds=60)),
        # our clock is ahead of SendGrid's
        (str(int(NOW.timestamp()) - 60), timedelta(seconds=1)),
        (str(int(NOW.timestamp()) + 86_400), LONGEST_WAIT),
        *((nonsense, timedelta(seconds=1)) for nonsense in ("", "soon", "9" * 40, "1e10", "-9" * 20)),
    ],
)
def test_a_limit_lasts_until_its_reset_and_a_reset_without_sense_is_a_moment(reset: str, wait: timedelta) -> None:
    assert of(429, X_RateLimit_Reset=reset).wait_until == NOW + wait
    assert of(429).wait_until == NOW + timedelta(seconds=1)


def test_the_last_request_of_an_interval_says_how_long_to_wait() -> None:
    assert of(202, X_RateLimit_Remaining="0", X_RateLimit_Reset=IN_A_MINUTE).wait_until == NOW + timedelta(seconds=60)
    assert of(202, X_RateLimit_Remaining="1", X_RateLimit_Reset=IN_A_MINUTE).wait_until is None
    assert of(202, X_RateLimit_Remaining="0").wait_until is None
    assert of(202, X_RateLimit_Remaining="0", X_RateLimit_Reset="0").wait_until is None


def test_a_refusal_names_personalizations_by_number() -> None:
    fields = ["personalizations.3.to.0.email", "personalizations[17].headers", "personalizations", "content", None, 5]
    assert said(400, *((field, "wrong") for field in fields)).named == {3, 17}
    assert said(400, ("xpersonalizations.3", "wrong"), ("personalizations.99999.to", "wrong")).named == frozenset()


def test_a_refused_sender_is_nobodys_message_but_ours_and_stops_the_line() -> None:
    assert said(400, ("from.email", "wrong"), ("reply_to", "wrong")).meaning is Meaning.stopped
    assert said(400, ("from", "wrong"), ("personalizations.0.to", "wrong")).meaning is Meaning.refused
    assert said(400).meaning is Meaning.refused


NESTED = b"[" * 60_000
STRANGE = [
    b"",
    b"<html>",
    b"null",
    b"[]",
    b'{"errors": 5}',
    b'{"errors": ["x"]}',
    b'{"errors": [{}]}',
    b"\xff\xfe",
    NESTED,
    # as deep as JSON is read here
    b'{"errors": [{"message": ' + b"[" * 1_015 + b"]" * 1_015 + b"}]}",
]


@pytest.mark.parametrize("body", STRANGE)
def test_a_refusal_in_a_strange_form_is_a_refusal(body: bytes) -> None:
    assert of(400, body) == UnderstoodAnswer(Meaning.refused, "SendGrid answered 400")
    assert of(202, body).meaning is Meaning.accepted


def test_what_is_said_holds_no_key_no_address_and_nothing_the_ledger_cannot_hold() -> None:
    text = "Bearer SG.key, SG.k\u202eey\x00\n may not write to <taro@x.invalid> or 'a.b+c@y.invalid'" + "!" * 600
    detail = said(401, ("from", text)).detail
    hidden = "SendGrid answered 401: from: Bearer [hidden], [hidden]  may not write to <[address]> or '[address]'!!!"
    assert detail.startswith(hidden)
    assert len(detail) == 500
    quoted = said(400, ("personalizations.0.to.0.email", 'not an address: "taro..x."@docomo.invalid')).detail
    assert quoted == "SendGrid answered 400: personalizations.0.to.0.email: not an address: [address]"
    assert detail.isprintable()


def test_a_long_answer_without_a_space_is_understood_at_once() -> None:
    began = time.process_time()
    assert len(said(400, ("content", "a" * 60_000)).detail) == 500
    # 20 milliseconds; it took minutes while every letter was tried as the beginning of an address
    assert time.process_time() - began < 5

"""Where a customer is reached besides mail, and whether that may be used."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiden.delivery.address.contact_points import (
    ContactPoints,
    choose_contact_point,
    contact_point,
    e164,
    subscription_of,
)
from ekiden.delivery.address.recipients import Recipient, SkipReason
from ekiden.delivery.consent.objections import Objections

PHONE = "+819012345678"
LINE_ID = "U" + "0123456789abcdef" * 2
SUBSCRIPTION = {"endpoint": "https://push.invalid/1", "keys": {"p256dh": "B" * 87, "auth": "a" * 22}}


@pytest.mark.parametrize(
    "written",
    [
        "090-1234-5678",
        "09012345678",
        "０９０－１２３４－５６７８",
        " 090 1234 5678 ",
        "+81 90-1234-5678",
        "+819012345678",
    ],
)
def test_a_number_is_one_however_it_is_written(written: str):
    assert e164(written, 81) == PHONE


@pytest.mark.parametrize("written", ["03-1234-5678", "0120-123-456", "050-1234-5678", "", "090", "call me", "0" * 40])
def test_what_gets_no_short_message_is_no_number(written: str):
    assert e164(written, 81) is None


def test_a_number_without_a_country_is_one_of_the_settings():
    assert e164("(201) 555-0123", 1) == "+12015550123"
    assert e164("+81 90 1234 5678", 1) == PHONE


@given(st.text() | st.from_regex(r"(\+81|０?0?)[789]0[ -]?[0-9]{4}[ -]?[0-9]{4}[^0-9]?", fullmatch=True))
def test_any_text_is_a_number_or_none(written: str):
    number = e164(written, 81)
    assert number is None or (number.startswith("+") and number[1:].isdecimal())


@pytest.mark.parametrize("written", [LINE_ID, f" {LINE_ID}\n"])
def test_a_line_user_id_has_the_documented_form(written: str):
    assert contact_point(ContactPoints(line_user_id=written), "line", country_code=81) == LINE_ID


@pytest.mark.parametrize(
    "written", [None, "", "hanako", LINE_ID.lower(), LINE_ID[:-1], LINE_ID + "0", "C" + LINE_ID[1:]]
)
def test_anything_else_is_no_line_user_id(written: str | None):
    assert contact_point(ContactPoints(line_user_id=written), "line", country_code=81) is None


def test_a_subscription_keeps_what_is_needed_of_it():
    written = json.dumps(SUBSCRIPTION | {"expirationTime": None})
    point = contact_point(ContactPoints(web_push_subscription=written), "web_push", country_code=81)
    assert point is not None
    assert json.loads(point) == SUBSCRIPTION
    assert subscription_of(point).endpoint == "https://push.invalid/1"


@pytest.mark.parametrize(
    "written",
    ["{}", "[]", "no JSON", json.dumps({**SUBSCRIPTION, "keys": {"p256dh": "short", "auth": "a" * 22}})],
)
def test_anything_else_is_no_subscription(written: str):
    assert contact_point(ContactPoints(web_push_subscription=written), "web_push", country_code=81) is None


def test_each_channel_has_its_own_point():
    points = ContactPoints("090-1234-5678", LINE_ID, None)
    assert contact_point(points, "sms", country_code=81) == PHONE
    assert contact_point(points, "line", country_code=81) == LINE_ID
    assert contact_point(points, "web_push", country_code=81) is None


def chosen(
    point: str | None = PHONE, status: str | None = "both", *, recheck: bool = True, **facts
) -> str | SkipReason:
    return choose_contact_point(Recipient((), status, Objections(**facts)), point, recheck_consent=recheck)


@pytest.mark.parametrize("status", ["both", "pc", "mobile"])
def test_the_classes_of_a_newsletter_concern_mail_alone(status: str):
    assert chosen(status=status) == PHONE


@pytest.mark.parametrize("status", ["none", None, "perhaps"])
def test_no_newsletter_means_no_message_anywhere_unless_the_scenario_does_not_look(status: str | None):
    assert chosen(status=status) is SkipReason.NEWSLETTER_STATUS
    assert chosen(status=status, recheck=False) == PHONE


def test_the_checks_are_those_of_mail_and_in_their_order():
    assert chosen(None, "none") is SkipReason.NO_ADDRESS
    assert chosen(None, is_suppressed=True) is SkipReason.SUPPRESSED
    assert chosen(is_suppressed=True, recheck=False) is SkipReason.SUPPRESSED
    assert chosen(is_opted_out=True, recheck=False) is SkipReason.OPTED_OUT

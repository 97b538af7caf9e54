"""Addresses that can be shown, by themselves and within what others wrote."""

import time
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiden.delivery.address.addresses import masked, without_people, without_tokens
from ekiden.delivery.consent.unsubscribe_tokens import signer_of, token_of


def test_no_address_is_shown_as_nothing():
    assert masked(None) == ""


@given(st.emails())
def test_a_masked_address_never_shows_all_of_its_local_part(address: str):
    local_part = address.rpartition("@")[0]
    shown = masked(address).partition("…")[0]
    assert len(shown) <= 2
    assert shown != local_part


@given(st.text(alphabet="+U0123456789abcdef", min_size=1))
def test_a_contact_point_that_is_no_mail_address_is_never_shown_whole(point: str):
    first, _, last = masked(point).partition("…")
    assert len(first) + len(last) < len(point)
    assert len(first) <= 2 and len(last) <= 2


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "550 5.1.1 <yoko.sato@sample.invalid>: Recipient address rejected",
            "550 5.1.1 <yo…@sample.invalid>: Recipient address rejected",
        ),
        ('550 "taro..yamada."@docomo.example unknown', '550 "t…@docomo.example unknown'),
        (
            "smtp;550 rfc822;o'brien@sample.invalid, 佐藤@sample.invalid",
            "smtp;550 rfc822;o'…@sample.invalid, 佐…@sample.invalid",
        ),
        ("https://shop.example/?to=yoko@sample.invalid&n=1", "https://shop.example/?to…@sample.invalid&n=1"),
        # a server on the way, which has written the address into the sender's
        ("for bounce+yoko=sample.invalid@relay.example", "for bo…@relay.example"),
        ("452 4.2.2 容量超過 @ mx1.example", "452 4.2.2 容量超過 @ mx1.example"),
    ],
)
def test_what_others_wrote_is_shown_without_the_address_in_it(said: str, shown: str):
    assert without_people(said) == shown


@given(
    before=st.text(),
    # in a link these end what may be an address
    address=st.emails().filter(lambda address: not set("/?&") & set(address)),
    after=st.text(),
)
def test_no_text_around_an_address_keeps_it_from_being_masked(before: str, address: str, after: str):
    local_part, _, domain = address.rpartition("@")
    if len(local_part) > 2:
        assert f" {local_part}@{domain}" not in without_people(f"{before} {address}{after}")


def test_the_link_that_unsubscribes_somebody_is_shown_without_its_token():
    token = token_of(signer_of(["secret" * 6]), uuid4())
    assert without_people(f"https://mail.shop.example/u/{token}?a=1") == "https://mail.shop.example/u/…?a=1"
    assert without_tokens(f"Stop: {token}, or write to shop@shop.example") == "Stop: …, or write to shop@shop.example"


def test_a_long_text_is_looked_through_at_once():
    started = time.monotonic()
    without_people("a" * 200_000 + '"' * 200_000)
    assert time.monotonic() - started < 10

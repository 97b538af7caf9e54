"""Addresses that can be shown."""

from hypothesis import given
from hypothesis import strategies as st

from ekiden.delivery.addresses import masked


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

"""Whether a customer may be written to, and at which address."""

import pytest

from ekiden.delivery.recipients import Recipient, SkipReason, choose_address, is_mobile

PC = "hanako@shop.example"
MOBILE = "hanako@docomo.ne.jp"


def chosen(*addresses: str | None, status: str | None = "both", recheck: bool = True, **facts) -> str | SkipReason:
    return choose_address(Recipient(addresses, status, **facts), recheck_consent=recheck)


@pytest.mark.parametrize(
    ("status", "to_pc", "to_mobile"),
    [
        ("both", PC, MOBILE),
        ("pc", PC, SkipReason.NEWSLETTER_STATUS),
        ("mobile", SkipReason.NEWSLETTER_STATUS, MOBILE),
        ("none", SkipReason.NEWSLETTER_STATUS, SkipReason.NEWSLETTER_STATUS),
        (None, SkipReason.NEWSLETTER_STATUS, SkipReason.NEWSLETTER_STATUS),
        ("perhaps", SkipReason.NEWSLETTER_STATUS, SkipReason.NEWSLETTER_STATUS),
    ],
)
def test_the_newsletter_status_says_to_which_kind_of_address(status, to_pc, to_mobile):
    assert chosen(PC, status=status) == to_pc
    assert chosen(MOBILE, status=status) == to_mobile


def test_the_first_address_that_may_be_used_is_used():
    assert chosen(None, PC) == PC
    assert chosen("", MOBILE, PC, status="pc") == PC
    assert chosen("broken", PC) == PC


def test_without_the_recheck_only_the_newsletter_status_is_left_out():
    assert chosen(PC, status="none", recheck=False) == PC
    assert chosen(PC, status="none", recheck=False, is_suppressed=True) is SkipReason.SUPPRESSED
    suppressed = frozenset({PC})
    assert chosen(PC, recheck=False, suppressed_addresses=suppressed) is SkipReason.SUPPRESSED


def test_suppression_is_said_before_the_address_and_the_address_before_the_status():
    assert chosen(None, status="none", is_suppressed=True) is SkipReason.SUPPRESSED
    assert chosen(None, status="none") is SkipReason.NO_ADDRESS


@pytest.mark.parametrize("spelling", ["HANAKO@SHOP.EXAMPLE", "Hanako@Shop.Example"])
def test_a_suppressed_address_is_one_in_any_spelling(spelling: str):
    assert chosen(spelling, suppressed_addresses=frozenset({PC})) is SkipReason.SUPPRESSED


@pytest.mark.parametrize("address", [" hanako@shop.example", "hanako@shop.example\n", "花子@shop.example", "@", "a@b"])
def test_what_is_no_plain_address_is_none(address: str):
    assert chosen(address) is SkipReason.NO_ADDRESS


def test_a_domain_below_a_carriers_is_mobile_and_one_that_only_ends_like_it_is_not():
    assert is_mobile("a@DOCOMO.ne.jp")
    assert is_mobile("a@sub.docomo.ne.jp")
    assert not is_mobile("a@notdocomo.ne.jp")

"""Whether a customer may be written to, and at which address."""

import pytest

from ekiden.delivery.address.recipients import (
    BOTH_ADDRESSES,
    Recipient,
    SkipReason,
    choose_address,
    is_mobile,
    why_no_address,
)
from ekiden.delivery.consent.objections import Objections
from ekiden.scenarios.scenario import AddressPolicy

PC = "hanako@shop.example"
MOBILE = "hanako@docomo.ne.jp"


def chosen(
    *addresses: str | None,
    status: str | None = "both",
    recheck: bool = True,
    policy: AddressPolicy = BOTH_ADDRESSES,
    **facts,
) -> str | SkipReason:
    return choose_address(Recipient(addresses, status, Objections(**facts)), recheck_consent=recheck, policy=policy)


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
    assert chosen(MOBILE, PC, status="pc") == PC
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


@pytest.mark.parametrize("address", ["花子@shop.example", "mailto:hanako@shop.example", "@", "a@b", "a@shop.example."])
def test_what_is_no_address_is_none(address: str):
    assert chosen(address) is SkipReason.NO_ADDRESS


@pytest.mark.parametrize("written", [" hanako@shop.example", "hanako@shop.example\n", "hanako＠Shop．Example"])
def test_mail_goes_to_the_address_that_was_meant(written: str):
    assert chosen(written) == PC


def test_why_there_is_no_address_is_told_for_each_of_them():
    recipient = Recipient(("花子@shop.example", PC), "both")
    why = why_no_address(recipient, AddressPolicy(use_2=False))
    assert why.startswith("address 1: the part before @ has characters beyond ASCII")
    assert why.endswith("address 2: the scenario does not use it (address_policy)")
    assert "花子" not in why
    assert why_no_address(Recipient((None, " "), "both")) == "the customer has no mail address"


@pytest.mark.parametrize(
    ("policy", "address"),
    [
        ({}, PC),
        ({"use_1": False}, MOBILE),
        ({"use_2": False}, PC),
        ({"preferred_domain": "pc"}, PC),
        ({"preferred_domain": "mobile"}, MOBILE),
        # a switch is stronger than a preference
        ({"preferred_domain": "mobile", "use_2": False}, PC),
    ],
)
def test_of_two_addresses_the_scenario_chooses(policy, address):
    assert chosen(PC, MOBILE, policy=AddressPolicy(**policy)) == address


def test_a_preference_keeps_no_mail_back_and_a_switch_does():
    prefers_mobile = AddressPolicy(preferred_domain="mobile")
    assert chosen(PC, None, policy=prefers_mobile) == PC
    assert chosen(PC, MOBILE, policy=prefers_mobile, status="pc") == PC
    assert chosen(PC, MOBILE, policy=prefers_mobile, suppressed_addresses=frozenset({MOBILE})) == PC
    assert chosen(PC, None, policy=AddressPolicy(use_1=False)) is SkipReason.NO_ADDRESS


def test_a_suppressed_international_address_is_one_in_any_spelling():
    suppressed = frozenset({"hanako@xn--4dkua4c.example"})
    assert chosen("Hanako@メール.example", suppressed_addresses=suppressed) is SkipReason.SUPPRESSED


def test_a_domain_below_a_carriers_is_mobile_and_one_that_only_ends_like_it_is_not():
    assert is_mobile("a@DOCOMO.ne.jp")
    assert is_mobile("a@sub.docomo.ne.jp")
    assert not is_mobile("a@notdocomo.ne.jp")

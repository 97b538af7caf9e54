"""What is made of an address as somebody wrote it, and why something is none."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import getaddresses
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ekiden.content.message import RenderedMessage
from ekiden.delivery.address.addresses import NotAnAddress, compared, normalised, spellings
from ekiden.delivery.channels.addressing import addr_spec
from ekiden.delivery.channels.base import FromAddress, OutgoingMessage
from ekiden.delivery.channels.mime import to_bytes

NOW = datetime(2024, 2, 29, 3, 0, tzinfo=UTC)
MESSAGE = OutgoingMessage(
    message_id=UUID("00000000-0000-4000-8000-00000000002a"),
    to_address="hanako@mail.invalid",
    to_name="",
    from_address=FromAddress("shop@shop.invalid", "Shop"),
    rendered=RenderedMessage("Subject", "text\n", None, "hash"),
    unsubscribe_url="https://shop.invalid/u/token",
    scenario_code="thanks",
    step_no=1,
)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("Hanako@Shop.Example", "Hanako@shop.example"),
        ("  hanako@shop.example\u3000\r\n", "hanako@shop.example"),
        # an input method set to full width
        ("ｈａｎａｋｏ＠ｓｈｏｐ．ｅｘａｍｐｌｅ", "hanako@shop.example"),
        ("hanako＠shop。example", "hanako@shop.example"),
        ("hanako@メール.example", "hanako@xn--4dkua4c.example"),
        ("hanako@日本語。example", "hanako@xn--wgv71a119e.example"),
        ("hanako@BÜCHER.example", "hanako@xn--bcher-kva.example"),
        ("hanako@straße.example", "hanako@xn--strae-oqa.example"),
        ("hanako@XN--4DKUA4C.example", "hanako@xn--4dkua4c.example"),
        # IDNA would turn this one away, and it exists
        ("hanako@ab--cd.example", "hanako@ab--cd.example"),
        # what Japanese carriers have given out, with the quotes that some systems keep beside it
        (".taro..yamada.@docomo.ne.jp", ".taro..yamada.@docomo.ne.jp"),
        ('"taro..yamada"@docomo.ne.jp', "taro..yamada@docomo.ne.jp"),
        ("a" * 64 + "@shop.example", "a" * 64 + "@shop.example"),
    ],
)
def test_an_address_is_read_as_it_was_meant(written: str, address: str):
    assert normalised(written) == address


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "no @"),
        ("hanako", "no @"),
        ("花子@shop.example", "SMTPUTF8"),
        ("hanako@☃.example", "IDNA 2008"),
        ("hanako@shop.example.", "not written like"),
        ("hanako@メール.example。", "not written like"),
        ("mailto:hanako@shop.example", "not written like"),
        ("Hanako <hanako@shop.example>", "not written like"),
        ("hanako＜＞@shop.example", "not written like"),
        ("hanako@shop.example, taro@shop.example", "not written like"),
        ("a＠b@shop.example", "not written like"),
        ("hanako@localhost", "not written like"),
        ("hanako@192.0.2.1", "not written like"),
        ('""@shop.example', "not written like"),
        ('"a b"@shop.example', "not written like"),
        ("a" * 65 + "@shop.example", "longer than 64"),
        ("a@" + "メール." * 100 + "example", "longer than 253"),
        ("a" * 64 + "@" + "b." * 95 + "example", "longer than 254"),
    ],
)
def test_what_is_no_address_says_why_and_repeats_nothing(written: str, said: str):
    with pytest.raises(NotAnAddress, match=said) as raised:
        normalised(written)
    assert not written or written not in str(raised.value)


def test_every_spelling_of_an_international_address_is_compared_as_one():
    written = ["Taro@メール.example", "taro@ﾒｰﾙ.EXAMPLE", "TARO＠xn--4dkua4c.example", "taro@XN--4DKUA4C.example "]
    assert {compared(each) for each in written} == {"taro@xn--4dkua4c.example"}


def test_a_list_that_others_write_may_hold_it_in_unicode_or_in_quotes():
    assert "taro@メール.example" in spellings("taro@xn--4dkua4c.example")
    assert '"taro."@docomo.ne.jp' in spellings("Taro.@docomo.ne.jp")
    assert spellings("花子@Shop.example") == {"花子@shop.example"}


# what a person, a careless import or an attacker writes
WRITTEN = (
    st.text(max_size=80)
    | st.text(alphabet='taro.@＠．。,;:<>"()[]\\ \r\n\t\0=?_-メールｘ例1', max_size=60)
    | st.emails()
    | st.builds("{}@{}".format, st.text(min_size=1, max_size=20), st.sampled_from(["メール.example", "shop.example"]))
)


@given(written=WRITTEN)
@example(written="a@shop.example\r\nBcc: b@shop.example")
@example(written='"a, b"@shop.example')
@example(written="a@xn--0.example")
def test_any_text_is_one_plain_address_or_none_and_breaks_no_header(written: str):
    assert compared(written) == compared(written).lower()
    try:
        address = normalised(written)
    except NotAnAddress:
        return
    assert address.isascii()
    assert normalised(address) == address
    assert normalised(addr_spec(address)) == address
    assert compared(written) == compared(address)
    mail = message_from_bytes(to_bytes(MESSAGE._replace(to_address=address), NOW), policy=policy.compat32)
    ((_, seen),) = getaddresses([mail["To"]])
    assert seen.replace('"', "") == address
    assert mail.keys()[:4] == ["Date", "Message-ID", "From", "To"]
    assert mail.get_all("Bcc") is None


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("090-1234-5678", "09012345678"),
        ("０９０－１２３４－５６７８", "09012345678"),
        (" 090 1234 5678\u3000", "09012345678"),
        ("(090)1234-5678", "09012345678"),
        ("（０９０）１２３４ー５６７８", "09012345678"),
        ("090‐1234–5678", "09012345678"),
        ("090.1234.5678", "09012345678"),
        ("+81 90-1234-5678", "+819012345678"),
        ("＋８１９０１２３４５６７８", "+819012345678"),
        ("123-4567", "1234567"),
    ],
)
def test_a_telephone_number_is_compared_by_its_digits(written: str, form: str):
    assert compared(written) == form
    assert compared(form) == form
    # an entry of before has it as it was written
    assert {form, written.strip().lower()} <= spellings(written)


@pytest.mark.parametrize(
    "written", ["", "110", "123-456", "(----------)", "++819012345678", "090-1234-567x", "U" + "0123456789abcdef" * 2]
)
def test_what_is_no_telephone_number_is_compared_as_it_was_written(written: str):
    assert compared(written) == written.lower()

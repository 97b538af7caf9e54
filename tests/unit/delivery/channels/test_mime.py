import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr, parsedate_to_datetime
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ekiden.content.message import RenderedMessage
from ekiden.delivery.channels.addressing import display_name, fault_of, split_address
from ekiden.delivery.channels.base import FromAddress, OutgoingMessage
from ekiden.delivery.channels.mime import to_bytes

NOW = datetime(2024, 2, 29, 3, 0, 0, tzinfo=UTC)
MESSAGE = OutgoingMessage(
    message_id=UUID("00000000-0000-4000-8000-00000000002a"),
    to_address="hanako@mail.invalid",
    to_name="山田 花子",
    from_address=FromAddress("shop@shop.invalid", "駅伝ショップ", "help@shop.invalid"),
    rendered=RenderedMessage("ご注文ありがとうございます", "本文\n", "<p>本文</p>", "hash"),
    unsubscribe_url="https://shop.invalid/u/token?x=1&y=2",
    scenario_code="cross_sell",
    step_no=2,
)
HEADERS = [
    "Date",
    "Message-ID",
    "From",
    "To",
    "Reply-To",
    "Subject",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Auto-Submitted",
    "X-Ekiden-Message",
    "X-Ekiden-Scenario",
    "X-Ekiden-Step",
    "MIME-Version",
    "Content-Type",
]


def read(data: bytes) -> EmailMessage:
    mail = message_from_bytes(data, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def decoded(value: str) -> str:
    return str(make_header(decode_header(value)))


def test_every_header_is_there_once_and_right() -> None:
    mail = read(to_bytes(MESSAGE, NOW))
    assert mail.keys() == HEADERS
    assert parsedate_to_datetime(mail["Date"]) == NOW
    assert mail["Message-ID"] == f"<{MESSAGE.message_id}@shop.invalid>"
    assert mail["From"].addresses[0].display_name == "駅伝ショップ"
    assert mail["From"].addresses[0].addr_spec == "shop@shop.invalid"
    assert mail["To"].addresses[0].display_name == "山田 花子"
    assert mail["To"].addresses[0].addr_spec == "hanako@mail.invalid"
    assert mail["Reply-To"] == "help@shop.invalid"
    assert mail["Subject"] == "ご注文ありがとうございます"
    assert mail["List-Unsubscribe"] == "<https://shop.invalid/u/token?x=1&y=2>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Ekiden-Message"] == str(MESSAGE.message_id)
    assert (mail["X-Ekiden-Scenario"], mail["X-Ekiden-Step"]) == ("cross_sell", "2")
    assert mail.defects == []


def test_a_long_code_makes_no_line_that_is_longer_than_a_mail_may_have() -> None:
    raw = to_bytes(MESSAGE._replace(scenario_code="\U00020bb7" * 100), NOW)
    assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_the_text_part_comes_first_and_both_are_complete() -> None:
    mail = read(to_bytes(MESSAGE, NOW))
    assert mail.get_content_type() == "multipart/alternative"
    text, html = mail.iter_parts()
    assert (text.get_content_type(), text.get_content()) == ("text/plain", "本文\r\n")
    assert (html.get_content_type(), html.get_content()) == ("text/html", "<p>本文</p>")


def test_a_text_mail_has_one_part() -> None:
    message = MESSAGE._replace(rendered=MESSAGE.rendered._replace(own_html=None))
    assert [part.get_content_type() for part in read(to_bytes(message, NOW)).iter_parts()] == ["text/plain"]


def test_the_date_keeps_its_zone() -> None:
    tokyo = NOW.astimezone(timezone(timedelta(hours=9)))
    assert read(to_bytes(MESSAGE, tokyo))["Date"] == "Thu, 29 Feb 2024 12:00:00 +0900"


def test_answers_go_to_the_sender_without_another_address() -> None:
    message = MESSAGE._replace(from_address=FromAddress("shop@shop.invalid", "Shop"))
    assert read(to_bytes(message, NOW))["Reply-To"] == "shop@shop.invalid"


def test_one_click_is_promised_for_https_only() -> None:
    mail = read(to_bytes(MESSAGE._replace(unsubscribe_url="http://127.0.0.1:8000/u"), NOW))
    assert mail["List-Unsubscribe"] == "<http://127.0.0.1:8000/u>"
    assert "List-Unsubscribe-Post" not in mail


@pytest.mark.parametrize("local_part", ["taro..yamada", "taro.", ".taro", "o'hara", "a+b", "{x}", "=?utf-8?q?x?="])
def test_addresses_that_carriers_gave_out_arrive(local_part: str) -> None:
    message = MESSAGE._replace(to_address=f"{local_part}@carrier.invalid")
    assert fault_of(message) is None
    raw = message_from_bytes(to_bytes(message, NOW), policy=policy.compat32)["To"]
    assert parseaddr(raw)[1].replace('"', "") == f"{local_part}@carrier.invalid"


# what a person, a careless import or an attacker puts into a name or a subject
TEXTS = st.text(max_size=120) | st.text(alphabet='"\\,;:<>()[]@=?_\r\n\t 山a.', max_size=60)


@given(name=TEXTS, sender_name=TEXTS, subject=TEXTS)
@example(name="=?utf-8?q?x?=", sender_name='"', subject="=?utf-8?b?eA==?=")
@example(name="A\r\nBcc: all@shop.invalid", sender_name="B\nX: y", subject="C\r\n\r\nbody")
@example(name="Doe, Jane <root@shop.invalid>", sender_name="\\", subject=" ")
@example(name="x" * 500, sender_name="山" * 500, subject="花" * 500)
def test_names_and_subjects_read_back_as_they_were_and_break_no_header(
    name: str, sender_name: str, subject: str
) -> None:
    one_line = display_name(subject)  # the renderer hands over one line
    message = MESSAGE._replace(
        to_name=name,
        from_address=replace(MESSAGE.from_address, name=sender_name),
        rendered=MESSAGE.rendered._replace(subject=one_line),
    )
    data = to_bytes(message, NOW)
    mail = message_from_bytes(data, policy=policy.compat32)
    assert mail.keys() == HEADERS
    for header, expected, address in (
        ("To", name, "hanako@mail.invalid"),
        ("From", sender_name, "shop@shop.invalid"),
    ):
        shown, seen = parseaddr(mail[header])
        assert seen == address
        assert decoded(shown) == display_name(expected)
    assert decoded(mail["Subject"]) == one_line
    head = data.split(b"\r\n\r\n")[0]
    assert b"\n" not in head.replace(b"\r\n", b"")
    assert all(len(line) <= 998 for line in data.split(b"\r\n"))


LINES = st.lists(st.text(alphabet=st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=80))


@given(lines=LINES, html=LINES)
@example(lines=["From me", ".", "--=_00000000", "x" * 2000, ""], html=["日本語" * 900])
def test_any_body_reads_back_as_it_was(lines: list[str], html: list[str]) -> None:
    text_body, html_body = "\n".join(lines), "\n".join(html)
    message = MESSAGE._replace(rendered=RenderedMessage("s", text_body, html_body, "hash"))
    data = to_bytes(message, NOW)
    assert data.isascii()
    assert re.search(rb"[^\r]\n|\r[^\n]", data) is None
    assert all(len(line) <= 998 for line in data.split(b"\r\n"))
    parts = [part.get_payload(decode=True).decode() for part in read(data).iter_parts()]
    assert [part.replace("\r\n", "\n") for part in parts] == [text_body, html_body]


NO_ADDRESSES = [
    "",
    "hanako",
    "hanako@",
    "@mail.invalid",
    "a b@mail.invalid",
    "a@b@mail.invalid",
    "a,b@mail.invalid",
    "a@mail.invalid\r\nBcc: b@mail.invalid",
    "a@mail.invalid\n",
    "Hanako <a@mail.invalid>",
    "花子@mail.invalid",
    "a@メール.invalid",
    "a@mail..invalid",
    "a@-mail.invalid",
    "a@localhost",
    "a" * 65 + "@mail.invalid",
    "a@" + "b." * 150 + "invalid",
    '"a"@mail.invalid',
]


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_address_is_a_fault_that_does_not_repeat_it(address: str) -> None:
    fault = fault_of(MESSAGE._replace(to_address=address))
    assert fault is not None
    assert not address or address not in fault
    with pytest.raises(ValueError, match="not a mail address"):
        to_bytes(MESSAGE._replace(to_address=address), NOW)


@given(address=st.emails())
def test_an_address_is_taken_whole_or_not_at_all(address: str) -> None:
    parts = split_address(address)
    assert parts is None or "@".join(parts) == address


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "https://x\r\nX: y", "https://x>", "mailto:a@b.invalid"])
def test_a_link_that_would_break_the_header_is_a_fault(url: str) -> None:
    assert "EKIDEN_UNSUBSCRIBE_URL" in (fault_of(MESSAGE._replace(unsubscribe_url=url)) or "")


def test_only_a_notice_to_the_shop_itself_may_lack_the_opt_out() -> None:
    without = MESSAGE._replace(unsubscribe_url="")
    assert "EKIDEN_UNSUBSCRIBE_URL" in (fault_of(without) or "")
    notice = without._replace(for_administrator=True)
    assert fault_of(notice) is None
    mail = read(to_bytes(notice, NOW))
    assert [name for name in HEADERS if name not in mail] == [
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "X-Ekiden-Scenario",
        "X-Ekiden-Step",
    ]


def test_a_senders_fault_names_its_setting() -> None:
    fault = fault_of(MESSAGE._replace(from_address=FromAddress("Shop <shop@shop.invalid>", "Shop")))
    assert "EKIDEN_SENDER_ADDRESS" in (fault or "")

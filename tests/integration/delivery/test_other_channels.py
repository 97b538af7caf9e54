"""Steps by LINE, SMS and web push: who is reached where, and what waits until a channel is configured."""

import json
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree

import pytest
from pydantic import SecretStr

from ekiden.delivery.channels.base import OutgoingMessage
from ekiden.delivery.consent.opt_outs import NewOptOut, OptOutChannel, opt_out
from ekiden.delivery.sending.contents import ContentsBroken
from ekiden.insights.status import deployment_status
from ekiden.settings import PROJECT_ROOT
from tests.integration.ledger_fixtures import STEP, Shop

LINE_ID = "U" + "0123456789abcdef" * 2
KEYS = {"p256dh": "B" * 87, "auth": "a" * 22}


def due(shop: Shop, channel: str, code: str = "follow_up", customer: str = "C1", **facts: str) -> None:
    """Let one row of a channel be due, in a shop that has the option."""
    shop.settings = shop.settings.model_copy(update={"options": frozenset({"line", "sms", "web_push"})})
    shop.scenario(code, steps=[STEP | {"channel": channel}])
    shop.customer(customer, **facts)
    shop.eligible(customer, "2024-03-08", model=code)
    shop.at("2024-03-09 06:00")
    shop.plan(scenarios=[code])
    shop.at("2024-03-09 12:00")


def subscribe(shop: Shop, number: int, *, ended: bool = False) -> None:
    at = datetime(2024, 1, number, tzinfo=UTC)
    shop.execute(
        "insert into raw.web_push_subscriptions values (%s, 'C1', %s, %s, %s, %s)",
        f"https://push.invalid/{number}",
        *KEYS.values(),
        at,
        at if ended else None,
    )


def sent(shop: Shop, channel: str) -> OutgoingMessage:
    shop.send(step_channels=(channel,))
    (message,) = shop.channel.messages
    return message


def test_a_step_by_line_goes_to_the_user_id_with_lines_own_layout(shop: Shop) -> None:
    due(shop, "line", line_user_id=LINE_ID)
    message = sent(shop, "line")
    assert message.to_address == LINE_ID
    assert (message.rendered.html, shop.settings.postal_address in message.rendered.text) == (None, False)
    assert shop.row().state == "sent"
    assert shop.execute("select to_address, channel from outreach.messages") == [(LINE_ID, "line")]


def test_a_step_by_sms_goes_to_the_number_in_its_international_form(shop: Shop) -> None:
    due(shop, "sms", phone="０９０－１２３４－５６７８")
    message = sent(shop, "sms")
    assert message.to_address == "+819012345678"
    assert "Ekiden Shop" in message.rendered.text


def test_a_notification_goes_to_the_newest_browser_that_stands(shop: Shop) -> None:
    for number, ended in ((1, False), (2, False), (3, True)):
        subscribe(shop, number, ended=ended)
    due(shop, "web_push")
    assert json.loads(sent(shop, "web_push").to_address) == {"endpoint": "https://push.invalid/2", "keys": KEYS}


@pytest.mark.parametrize(("channel", "facts"), [("line", {}), ("sms", {"phone": "03-1234-5678"}), ("web_push", {})])
def test_who_has_no_contact_point_is_skipped(shop: Shop, channel: str, facts: dict[str, str]) -> None:
    due(shop, channel, **facts)
    shop.send(step_channels=(channel,))
    assert (shop.row().state, shop.row().reason) == ("skipped", "no_address")


@pytest.mark.parametrize("written", ["090-1234-5678", "０９０－１２３４－５６７８", "+81 90 1234 5678"])
@pytest.mark.parametrize(
    "told",
    [
        *("+819012345678", "090-1234-5678", "09012345678", "０９０－１２３４－５６７８", "090 1234 5678"),
        *("(090)1234-5678", "+81 90 1234 5678", "+81 (0)90-1234-5678", "9012345678"),
    ],
)
def test_a_number_that_has_opted_out_gets_no_sms_however_the_shop_writes_it(
    shop: Shop, written: str, told: str
) -> None:
    due(shop, "sms", phone=written)
    new = NewOptOut(address=told, channel=OptOutChannel.SMS)
    opt_out(shop.connection, [new], source="test", now=shop.now, recorded_by="hanako")
    shop.send(step_channels=("sms",))
    assert (shop.row().state, shop.row().reason) == ("skipped", "opted_out")


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("090-1234-5678", "090-1234-5678"),
        ("+81 90 1234 5678", "090-1234-5678"),
        ("090 1234 5678", "+81 90-1234-5678"),
        (" 090 1234 5678 ", "090 1234 5678"),
        ("０９０－１２３４－５６７８", "０９０－１２３４－５６７８"),
    ],
)
@pytest.mark.parametrize("kept_in", ["opt_outs", "suppression_list"])
def test_an_entry_of_before_as_it_was_written_goes_on_stopping(
    shop: Shop, written: str, known: str, kept_in: str
) -> None:
    due(shop, "sms", phone=written)
    if kept_in == "opt_outs":
        entry = "insert into outreach.opt_outs (address, source, opted_out_at) values (%s, 'command', %s)"
    else:
        entry = (
            "insert into outreach.suppression_list (address, reason, source, suppressed_at)"
            " values (%s, 'do_not_deliver', 'by hand', %s)"
        )
    shop.execute(entry, known, shop.now)
    shop.send(step_channels=("sms",))
    assert shop.row().state == "skipped"


@pytest.mark.parametrize(("status", "state"), [("pc", "sent"), ("mobile", "sent"), ("none", "skipped")])
def test_the_newsletter_status_says_yes_or_no(shop: Shop, status: str, state: str) -> None:
    due(shop, "line", line_user_id=LINE_ID, newsletter_status=status)
    shop.send(step_channels=("line",))
    assert shop.row().state == state


def test_what_nobody_carries_stays_ready_and_is_shown(shop: Shop) -> None:
    due(shop, "line", line_user_id=LINE_ID)
    due(shop, "html_email", "by_mail", "C2")
    shop.send()
    assert shop.states() == {("C1", 1): "ready", ("C2", 1): "sent"}
    stands = deployment_status(shop.connection, now=shop.now, settings=shop.settings)
    assert [(each.channel, each.rows) for each in stands.not_carried] == [("line", 1)]
    assert (stands.rows.due, stands.rows.not_carried, stands.rows.ready_later, stands.rows.late) == (0, 1, 0, 0)

    configured = shop.settings.model_copy(update={"line_channel_access_token": SecretStr("token")})
    stands = deployment_status(shop.connection, now=shop.now, settings=configured)
    assert (stands.rows.due, stands.rows.not_carried, stands.not_carried) == (1, 0, ())


def test_a_broken_layout_of_one_channel_keeps_no_other_from_being_sent(shop: Shop, tmp_path: Path) -> None:
    contents = Path(copytree(PROJECT_ROOT / "content", tmp_path / "content"))
    (contents / "layout" / "ja.line.txt").unlink()
    shop.settings = shop.settings.model_copy(update={"content": contents})
    due(shop, "line", line_user_id=LINE_ID)
    due(shop, "html_email", "by_mail", "C2")
    shop.send()
    with pytest.raises(ContentsBroken, match=r"ja\.line\.txt"):
        shop.send(step_channels=("line",))
    assert shop.states() == {("C1", 1): "ready", ("C2", 1): "sent"}

"""Which address a message goes to, in which variant and format, as the ledger and the channel see it."""

import json

import pytest

from ekiden.delivery.channels.base import OutgoingMessage
from tests.integration.ledger_fixtures import STEP, Shop

MOBILE = "c1@docomo.ne.jp"


def sent(shop: Shop, customer: dict[str, object] | None = None, **settings: object) -> OutgoingMessage | None:
    """Plan and send one message; return it, None where it was withheld."""
    shop.scenario(**settings)
    shop.customer("C1", **(customer or {}))
    shop.eligible("C1", "2024-03-08")
    shop.plan("2024-03-09")
    shop.at("2024-03-09 12:00")
    shop.send()
    (*_, message) = (None, *shop.channel.messages)
    return message


def detail(shop: Shop) -> str:
    return shop.execute("select detail from outreach.attempts")[0][0]


@pytest.mark.parametrize(
    ("policy", "address"),
    [
        (None, "c1@shop.example"),
        ({"preferred_domain": "mobile"}, MOBILE),
        ({"use_1": False}, MOBILE),
        ({"use_2": False, "preferred_domain": "none"}, "c1@shop.example"),
    ],
)
def test_a_message_goes_to_one_address_which_the_scenario_chooses(shop: Shop, policy, address: str):
    settings = {"address_policy": policy} if policy else {}
    message = sent(shop, {"email_2": MOBILE}, **settings)
    assert message is not None
    assert message.to_address == address
    assert shop.execute("select to_address from outreach.messages") == [(address,)]
    assert len(shop.channel.messages) == 1


def test_a_row_keeps_the_policy_of_its_version(shop: Shop):
    shop.scenario(address_policy={"preferred_domain": "mobile"})
    shop.customer("C1", email_2=MOBILE)
    shop.eligible("C1", "2024-03-08")
    shop.plan("2024-03-09")
    shop.scenario(address_policy={"use_2": False})
    shop.at("2024-03-09 12:00")
    shop.plan("2024-03-09")
    shop.send()
    assert [message.to_address for message in shop.channel.messages] == [MOBILE]


def test_who_has_only_an_address_that_is_switched_off_is_skipped_and_told_why(shop: Shop):
    assert sent(shop, address_policy={"use_1": False}) is None
    assert (shop.row().state, shop.row().reason) == ("skipped", "no_address")
    assert detail(shop) == "address 1: the scenario does not use it (address_policy)"


def test_an_address_that_no_server_takes_is_skipped_and_not_repeated(shop: Shop):
    assert sent(shop, {"email": "花子@shop.example"}) is None
    assert (shop.row().state, shop.row().reason) == ("skipped", "no_address")
    assert "SMTPUTF8" in detail(shop)
    assert "花子" not in detail(shop)


def test_an_international_address_as_people_type_it_is_sent_to_in_ascii(shop: Shop):
    message = sent(shop, {"email": "Ｈanako＠メール．EXAMPLE "})
    assert message is not None
    assert message.to_address == "Hanako@xn--4dkua4c.example"


@pytest.mark.parametrize(
    ("listed", "written"),
    [
        ("hanako@xn--4dkua4c.example", "Hanako@メール.example"),
        ("hanako@メール.example", "hanako@XN--4DKUA4C.example"),
    ],
)
def test_a_suppressed_international_address_is_one_however_it_is_written(shop: Shop, listed: str, written: str):
    shop.execute(
        "insert into outreach.suppression_list (address, reason, source, suppressed_at)"
        " values (%s, 'bounced', 'test', now())",
        listed,
    )
    assert sent(shop, {"email": written}) is None
    assert (shop.row().state, shop.row().reason) == ("skipped", "suppressed")


def test_a_mobile_address_gets_the_mobile_variant_unless_the_scenario_says_otherwise(shop: Shop):
    mobile = sent(shop, {"email": MOBILE})
    assert mobile is not None
    assert mobile.rendered.html is None
    assert "お店を見る" not in mobile.rendered.text
    assert "ご注文ありがとうございました。" in mobile.rendered.text


def test_a_scenario_may_leave_variants_unused(shop: Shop):
    message = sent(shop, {"email": MOBILE}, variant_by_domain=False)
    assert message is not None
    assert message.rendered.html is not None


def test_a_broken_variant_holds_its_rows_back_and_they_stay_ready(shop: Shop, tmp_path):
    folder = tmp_path / "content" / "offer"
    folder.mkdir(parents=True)
    (tmp_path / "content" / "layout").symlink_to(shop.settings.content / "layout")
    (folder / "step_1.txt").write_text("Subject: x\nLanguage: en\n\nHello\n")
    (folder / "step_1.mobile.txt").write_text("Subject: x\nLanguage: en\n\n{{ nothing }}\n")
    shop.settings = shop.settings.model_copy(update={"content": tmp_path / "content"})
    with pytest.raises(Exception, match=r"step_1\.mobile\.txt:4"):
        sent(shop, steps=[STEP | {"content": "offer/step_1"}])
    assert shop.row().state == "ready"
    (folder / "step_1.mobile.txt").write_text("Subject: mobile\nLanguage: en\n\nHello\n")
    shop.change_customer("C1", email=MOBILE)
    shop.send()
    assert [message.rendered.subject for message in shop.channel.messages] == ["mobile"]


@pytest.mark.parametrize(
    ("asked", "channel", "is_html"),
    [
        ("text", "html_email", False),
        ("html", "html_email", True),
        (None, "html_email", True),
        ("html", "text_email", False),
    ],
)
def test_who_asked_for_text_gets_no_html(shop: Shop, asked: str | None, channel: str, is_html: bool):
    message = sent(shop, {"mail_format": asked}, steps=[STEP | {"channel": channel}])
    assert message is not None
    assert (message.rendered.html is not None) == is_html
    assert message.rendered.shared is None or (message.rendered.shared.html is not None) == is_html


def test_a_shop_whose_own_view_has_no_mail_format_is_written_to_all_the_same(shop: Shop):
    with shop.connection.transaction(force_rollback=True):
        shop.execute("alter view staging.stg_customers rename to kept_for_later")
        columns = shop.execute(
            "select attname from pg_attribute where attrelid = 'staging.kept_for_later'::regclass"
            " and attnum > 0 and attname <> 'mail_format'"
        )
        listed = ", ".join(json.dumps(name) for (name,) in columns)
        shop.execute(f"create view staging.stg_customers as select {listed} from staging.kept_for_later")  # noqa: S608
        assert sent(shop, {"mail_format": "text"}) is not None

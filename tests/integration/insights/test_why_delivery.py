"""Whether a message could go out now: what a sender would find, in the explanation of one customer."""

from collections.abc import Iterator

import pytest
from psycopg import sql

from ekiden.delivery.consent.opt_outs import NewOptOut, OptOutChannel, opt_out
from ekiden.delivery.pauses import pause
from ekiden.insights.built import asked_scenario
from ekiden.insights.explanation.checks import Check
from ekiden.insights.explanation.delivery import delivery_checks, read_delivery
from ekiden.schedule.runs import RunContext
from tests.integration.insights.conftest import NOW, BuiltShop

SCENARIO, CUSTOMER = "a_not_b", "b_after"


@pytest.fixture
def shop(built_shop: BuiltShop) -> Iterator[BuiltShop]:
    """The shop, whose customer has an address; all changes are taken back."""
    with built_shop.connection.transaction(force_rollback=True):
        built_shop.connection.execute(
            "update raw.customers set email = 'taro@shop.example', newsletter_status = 'both', access_url = 'west'"
            " where customer_id = %s",
            (CUSTOMER,),
        )
        yield built_shop


def checks(shop: BuiltShop) -> dict[str, Check]:
    asked = asked_scenario(shop.connection, SCENARIO)
    found = read_delivery(shop.connection, asked, CUSTOMER, (), shop.settings, now=NOW)
    assert found is not None
    return {check.name: check for check in delivery_checks(found, shop.settings)}


def opts_out(shop: BuiltShop, **of: str) -> None:
    opt_out(shop.connection, [NewOptOut(CUSTOMER, **of)], source="command", now=NOW, recorded_by="hanako")


def test_who_may_be_written_to_may_and_it_says_by_what(shop: BuiltShop):
    assert [(check.passes, check.wording) for check in checks(shop).values()] == [
        (True, "sending is not paused"),
        (True, "step 1 (html_email) may go out"),
    ]


def test_an_opt_out_is_told_before_any_row_was_skipped_for_it(shop: BuiltShop):
    opts_out(shop, channel=OptOutChannel.MAIL)
    reached = checks(shop)["reached"]
    assert reached.passes is False
    assert reached.wording == "step 1 (html_email) would be withheld now: the customer has opted out of such messages"
    (entry,) = reached.children
    assert entry.holds is True
    assert "of channel mail since 2026-03-08 09:00" in entry.wording


def test_an_opt_out_of_another_site_is_told_and_does_not_apply(shop: BuiltShop):
    opts_out(shop, site="east")
    reached = checks(shop)["reached"]
    assert (reached.passes, [entry.holds for entry in reached.children]) == (True, [False])


def test_the_accounts_own_site_counts_where_there_is_no_row_yet(shop: BuiltShop):
    opts_out(shop, site="west")
    assert checks(shop)["reached"].passes is False


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("newsletter_status", "none", "newsletter status did not admit it"),
        ("email", "taro", "no address that this step may use (address 1: "),
        ("email", None, "(the customer has no mail address)"),
    ],
)
def test_what_the_shop_says_of_the_customer_is_judged_as_a_sender_would(
    shop: BuiltShop, column: str, value: str | None, words: str
):
    update = sql.SQL("update raw.customers set {} = {} where customer_id = {}")
    shop.connection.execute(update.format(sql.Identifier(column), value, CUSTOMER))
    reached = checks(shop)["reached"]
    assert reached.passes is False
    assert words in reached.wording


def test_a_suppressed_address_is_told_with_its_reason(shop: BuiltShop):
    shop.connection.execute(
        "insert into outreach.suppression_list (address, reason, source, suppressed_at)"
        " values ('taro@shop.example', 'bounced', 'test', '2026-03-07 12:00+09')"
    )
    reached = checks(shop)["reached"]
    assert "the customer or the address is on the suppression list" in reached.wording
    assert reached.remedy == "nothing: no setting and no command takes an entry off the suppression list"
    assert [entry.wording.endswith("since 2026-03-07 12:00: bounced") for entry in reached.children] == [True]


def test_a_pause_is_told_with_the_command_that_ends_it(shop: BuiltShop):
    pause(shop.connection, None, reason="wrong price", now=NOW, context=RunContext("hanako"))
    paused = checks(shop)["paused"]
    assert (paused.passes, paused.remedy) == (False, "`ekiden resume --reason WHY`")
    assert paused.wording == "all sending is paused by hanako since 2026-03-08 09:00: wrong price"


def test_it_is_told_of_now_alone(built_shop: BuiltShop):
    assert [check.name for check in built_shop.why(SCENARIO, CUSTOMER).delivery] == ["paused", "reached"]
    assert built_shop.why(SCENARIO, CUSTOMER, "2026-03-05").delivery == ()
    assert built_shop.why(SCENARIO, CUSTOMER, "2026-04-05").delivery == ()

"""Whom a message is kept from at the last moment, and what follows where one is."""

from pathlib import Path
from shutil import copytree

import pytest

from ekiden.delivery.sending.contents import ContentsBroken
from ekiden.settings import PROJECT_ROOT
from tests.integration.delivery.sending import CHAIN, attempts, ready
from tests.integration.ledger_fixtures import STEP, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"newsletter_status": "none"}, "newsletter_status"),
        ({"newsletter_status": "mobile"}, "newsletter_status"),
        ({"email": None}, "no_address"),
        ({"email": "not an address"}, "no_address"),
        ({"email": "two@at@signs.example\r\nBcc: x@y.example"}, "no_address"),
    ],
)
def test_consent_and_address_are_read_at_the_last_moment(shop: Shop, facts: dict, reason: str):
    ready(shop, steps=CHAIN)
    shop.change_customer("C1", **facts)
    assert shop.send().counts.skipped == 1
    assert (shop.row().state, shop.row().reason) == ("skipped", reason)
    assert shop.enrolments() == {"C1": ("stopped", "step_not_sent")}
    assert shop.channel.messages == []
    assert attempts(shop) == [(1, "withheld")]


def test_a_customer_who_was_erased_gets_nothing(shop: Shop):
    ready(shop)
    shop.execute("delete from raw.customers")
    shop.send()
    assert (shop.row().state, shop.row().reason) == ("skipped", "no_address")
    assert shop.execute("select detail from outreach.attempts") == [("the shop has no such customer any more",)]


@pytest.mark.parametrize("by", ["customer", "address"])
def test_no_setting_overrides_the_suppression_list(shop: Shop, by: str):
    ready(shop, consent_recheck=False)
    shop.execute(
        "insert into outreach.suppression_list (customer_id, address, reason, source, suppressed_at)"
        " values (%s, %s, 'complained', 'test', now())",
        "C1" if by == "customer" else None,
        "c1@shop.example" if by == "address" else None,
    )
    shop.change_customer("C1", email="C1@Shop.Example")
    shop.send()
    assert (shop.row().state, shop.row().reason) == ("skipped", "suppressed")


def test_the_second_address_is_used_where_the_first_is_suppressed(shop: Shop):
    ready(shop)
    shop.change_customer("C1", email_2="second@shop.example")
    shop.execute(
        "insert into outreach.suppression_list (address, reason, source, suppressed_at)"
        " values ('c1@shop.example', 'bounced', 'test', now())"
    )
    shop.send()
    assert [message.to_address for message in shop.channel.messages] == ["second@shop.example"]


def test_without_the_recheck_the_newsletter_status_is_not_asked(shop: Shop):
    ready(shop, consent_recheck=False)
    shop.change_customer("C1", newsletter_status="none")
    shop.send()
    assert shop.row().state == "sent"


def test_rows_whose_content_is_missing_wait_for_it_and_no_others_do(shop: Shop):
    shop.scenario("other", steps=[STEP | {"content": "sample/no_such_step"}])
    shop.customer("C9")
    shop.eligible("C9", "2024-03-08", model="other")
    ready(shop)
    with pytest.raises(ContentsBroken, match="no_such_step"):
        shop.send()
    assert shop.states() == {("C1", 1): "sent", ("C9", 1): "ready"}
    assert shop.execute("select outcome from outreach.runs where kind = 'send'") == [("failed",)]


def test_a_content_that_breaks_while_a_run_sends_it_makes_its_rows_wait_and_skips_nobody(shop: Shop, tmp_path: Path):
    contents = Path(copytree(PROJECT_ROOT / "content", tmp_path / "content"))
    shop.settings = shop.settings.model_copy(update={"content": contents, "claim_batch_size": 1})
    ready(shop, "C1", "C2")
    step = contents / "sample" / "step_1.txt"
    # as an editor leaves it for a moment while it saves
    shop.channel.before_answering = lambda: step.write_text("")
    with pytest.raises(ContentsBroken, match=r"step_1\.txt") as told:
        shop.send()
    assert sorted(shop.states().values()) == ["ready", "sent"]
    assert [report.counts.sent for report in told.value.reports] == [1]


def test_only_contents_that_a_run_would_send_can_stop_it(shop: Shop):
    missing = STEP | {"content": "sample/no_such_step"}
    for model, customer, definition in (
        ("printed", "C7", {"steps": [missing | {"channel": "dm"}]}),
        ("frozen", "C8", {"steps": [missing]}),
    ):
        shop.scenario(model, **definition)
        shop.customer(customer)
        shop.eligible(customer, "2024-03-08", model=model)
    ready(shop)
    shop.scenario("frozen", status="disabled", steps=[missing])
    shop.plan()
    shop.send()
    assert shop.states() == {("C1", 1): "sent", ("C7", 1): "ready", ("C8", 1): "ready"}


def test_after_a_skip_the_chain_goes_on_where_the_scenario_says_so(shop: Shop):
    ready(shop, on_skip="continue", steps=CHAIN)
    shop.change_customer("C1", newsletter_status="none")
    shop.send()
    assert shop.states() == {("C1", 1): "skipped", ("C1", 2): "ready"}
    shop.change_customer("C1", newsletter_status="both")
    shop.at("2024-03-11 12:00")
    shop.send()
    assert shop.states() == {("C1", 1): "skipped", ("C1", 2): "sent"}
    assert shop.enrolments() == {"C1": ("completed", None)}


def test_a_skipped_last_step_ends_the_enrolment_even_where_the_chain_goes_on(shop: Shop):
    ready(shop, on_skip="continue")
    shop.change_customer("C1", newsletter_status="none")
    shop.send()
    assert shop.enrolments() == {"C1": ("stopped", "step_not_sent")}

"""What `ekiden show` tells of a message and where it comes from."""

from io import StringIO

import pytest
from rich.console import Console

from ekiden.delivery.consent.opt_outs import NewOptOut, OptOutChannel, opt_out
from ekiden.insights.lineage import lineage
from ekiden.insights.lineage_wording import describe
from tests.integration.delivery.lists.exporting import CARD, again, export
from tests.integration.insights.asking import NOON
from tests.integration.ledger_fixtures import Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


def test_an_opt_out_that_a_message_went_out_in_spite_of_is_told_by_what_it_was_of(shop: Shop):
    shop.scenario()
    shop.buyer("C1", email_2="second@shop.example")
    shop.plan()
    against = [NewOptOut(address="second@shop.example"), NewOptOut("C1", channel=OptOutChannel.SMS)]
    opt_out(shop.connection, against, source="command", now=shop.now, recorded_by="hanako")
    shop.at(NOON)
    shop.send()
    drawn = Console(file=StringIO(), width=200)
    drawn.print(describe(lineage(shop.connection, shop.row().message_id), shop.settings))
    told = {line.split("(")[1].split(",")[0]: line for line in drawn.file.getvalue().splitlines() if "opt-out" in line}
    assert told["every channel"].rstrip().endswith("was of another address")
    assert told["sms"].rstrip().endswith("was of other messages")


def test_a_message_is_shown_with_a_persons_words_as_they_are(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    shop.operate("block", customer="C1", reason="[/red]")
    shop.operate("reopen", customer="C1", reason="see [ops]")
    shop.operate("release", customer="C1")
    shop.at(NOON)
    shop.send()
    drawn = Console(file=StringIO(), width=200)
    drawn.print(describe(lineage(shop.connection, shop.row().message_id), shop.settings))
    assert "blocked ([/red])" in drawn.file.getvalue()
    assert "held (see [ops])" in drawn.file.getvalue()


@pytest.mark.parametrize(("kind", "lines"), [("ordered", 1), ("event", 0)])
def test_a_message_shows_the_lines_of_its_anchor_order_and_of_no_other(shop: Shop, kind: str, lines: int):
    shop.scenario()
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", key="77", kind=kind)
    shop.execute("insert into raw.orders (order_id, customer_id, ordered_at) values ('77', 'C1', now())")
    shop.execute("insert into raw.order_lines (order_id, line_no, product_id, quantity) values ('77', 1, 'A', 1)")
    shop.plan()
    shop.at(NOON)
    shop.send()
    assert len(lineage(shop.connection, shop.row().message_id).anchor_lines) == lines


def test_a_letter_names_the_file_of_the_list_it_left_with_and_not_a_later_copy(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer("C1")
    shop.plan()
    written = export(shop).file
    found = lineage(shop.connection, shop.row().message_id)
    shop.at("2024-03-10 06:00")
    assert again(shop, found.send_run_id).file != written
    drawn = Console(file=StringIO(), width=400)
    drawn.print(describe(lineage(shop.connection, found.message_id), shop.settings))
    assert f"file: {written}" in drawn.file.getvalue()
    assert "provider's id" not in drawn.file.getvalue()

"""Who is not written to: opt-outs by channel and site, suppressions, at which moment they count, and what is kept."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from ekiden.database.statements import statement
from ekiden.delivery.consent import objections
from ekiden.delivery.consent.opt_outs import (
    NewOptOut,
    NobodyOptedOut,
    OptOutChannel,
    OptOutFilter,
    find_opt_outs,
    opt_out,
    withdraw,
)
from ekiden.delivery.lists.export import export_due
from ekiden.insights.lineage import lineage
from ekiden.insights.timeline import timeline
from ekiden.schedule.errors import ReasonMissing
from tests.integration.delivery.sending import NOON, ready
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")

MAIL = OptOutChannel.MAIL


def opts_out(shop: Shop, customer_id: str | None = "C1", **asked: Any) -> int:
    new = NewOptOut(customer_id=customer_id, **asked)
    return opt_out(shop.connection, [new], source="test", now=shop.now, recorded_by="hanako")


def opts_in(shop: Shop, **which: Any) -> int:
    chosen = OptOutFilter(**which)
    return len(withdraw(shop.connection, chosen, reason="asked by letter", now=shop.now, context=OPERATOR))


def outcome(shop: Shop, customer: str = "C1") -> tuple[str, str | None]:
    row = shop.row(customer=customer, step_no=1)
    return row.state, row.reason


@pytest.mark.parametrize("recheck", [True, False])
def test_no_setting_overrides_an_opt_out(shop: Shop, recheck: bool):
    ready(shop, "C1", "C2", "C3", "C4", "C5", consent_recheck=recheck)
    opts_out(shop, "C1")
    opts_out(shop, "C2", channel=MAIL)
    opts_out(shop, None, address="C3@Shop.Example")
    opts_out(shop, "C9", address="c4@shop.example", channel=MAIL)
    assert shop.send().counts.skipped == 4
    assert {outcome(shop, customer) for customer in ("C1", "C2", "C3", "C4")} == {("skipped", "opted_out")}
    assert outcome(shop, "C5") == ("sent", None)
    assert shop.enrolments()["C1"] == ("stopped", "step_not_sent")


def test_who_has_opted_out_of_another_channel_gets_mail(shop: Shop):
    others = {f"C-{channel}": channel for channel in OptOutChannel if channel is not MAIL}
    ready(shop, *others)
    for customer, channel in others.items():
        opts_out(shop, customer, channel=channel)
    shop.send()
    assert set(shop.states().values()) == {"sent"}


def test_an_opt_out_of_a_site_stops_the_messages_of_that_site(shop: Shop):
    # a scenario of no site writes about an order, or an account, of one
    cases = {
        ("a.example", None, None): "skipped",
        ("b.example", "a.example", "a.example"): "sent",
        (None, "a.example", "b.example"): "skipped",
        (None, "b.example", "a.example"): "sent",
        (None, None, "a.example"): "skipped",
        (None, "", ""): "sent",
        (None, None, None): "sent",
    }
    for site in ("a.example", "b.example", None):
        shop.scenario(f"of_{site}", site=site)
    for number, (of_scenario, of_order, of_account) in enumerate(cases):
        shop.customer(f"C{number}", access_url=of_account)
        shop.eligible(f"C{number}", "2024-03-08", model=f"of_{of_scenario}", key=f"O{number}")
        shop.execute(
            "insert into raw.orders (order_id, customer_id, ordered_at, status, kind, access_url)"
            " values (%s, %s, '2024-03-08 10:00+09', 'shipped', 'one_off', %s)",
            *(f"O{number}", f"C{number}", of_order),
        )
        opts_out(shop, f"C{number}", site="a.example", channel=MAIL)
    shop.plan()
    shop.at(NOON)
    shop.send()
    assert [shop.row(customer=f"C{number}").state for number in range(len(cases))] == list(cases.values())


def test_an_opt_out_of_every_site_stops_messages_of_any(shop: Shop):
    ready(shop, site="a.example")
    opts_out(shop)
    shop.send()
    assert outcome(shop) == ("skipped", "opted_out")


def test_an_address_that_has_opted_out_leaves_the_other_one(shop: Shop):
    ready(shop)
    shop.change_customer("C1", email_2="second@shop.example")
    opts_out(shop, None, address="c1@shop.example", channel=MAIL)
    shop.send()
    assert [message.to_address for message in shop.channel.messages] == ["second@shop.example"]


def test_an_opt_out_in_another_spelling_of_the_address_counts(shop: Shop):
    ready(shop)
    shop.change_customer("C1", email="Taro.@例え.example")
    opts_out(shop, None, address='"taro."@xn--r8jz45g.example')
    shop.send()
    assert outcome(shop) == ("skipped", "opted_out")


def test_a_suppression_is_said_before_an_opt_out_and_an_opt_out_before_the_newsletter_status(shop: Shop):
    ready(shop, "C1", "C2")
    for customer in ("C1", "C2"):
        opts_out(shop, customer)
        shop.change_customer(customer, newsletter_status="none")
    shop.execute(
        "insert into outreach.suppression_list (customer_id, reason, source, suppressed_at)"
        " values ('C1', 'complained', 'test', now())"
    )
    shop.send()
    assert (outcome(shop)[1], outcome(shop, "C2")[1]) == ("suppressed", "opted_out")


def test_what_is_told_while_a_batch_is_being_posted_counts_for_the_next_batch(shop: Shop):
    customers = ("C1", "C2", "C3", "C4")
    ready(shop, *customers)
    others: list[str] = []

    def tell() -> None:
        # who of those due at one moment is first is nobody's to say
        (first,) = shop.channel.messages
        others.extend(each for each in customers if not first.to_address.startswith(each.lower()))
        opts_out(shop, others[0])
        shop.change_customer(others[1], newsletter_status="none")
        shop.execute(
            "insert into outreach.suppression_list (address, reason, source, suppressed_at)"
            " values (%s, 'complained', 'test', now())",
            f"{others[2].lower()}@shop.example",
        )

    shop.channel.before_answering = tell
    settings = shop.settings.model_copy(update={"claim_batch_size": 1})
    shop.send(settings=settings)
    assert len(shop.channel.messages) == 1
    reasons = [outcome(shop, customer)[1] for customer in others]
    assert reasons == ["opted_out", "newsletter_status", "suppressed"]


def test_what_is_told_after_a_failed_try_counts_for_the_next_one(shop: Shop):
    ready(shop)
    shop.channel.line_is_stopped = True
    with pytest.raises(Exception, match="401"):
        shop.send()
    shop.execute("update outreach.sending_pauses set resumed_at = now(), resumed_by = 'x', resume_reason = 'x'")
    shop.channel.line_is_stopped = False
    opts_out(shop)
    shop.at("2024-03-09 12:30")
    shop.send()
    assert outcome(shop) == ("skipped", "opted_out")


def test_the_next_step_is_stopped_by_an_opt_out_after_the_first(shop: Shop):
    ready(shop, steps=[STEP, STEP | {"offset_days": 3}], on_skip="continue")
    shop.send()
    opts_out(shop)
    shop.at("2024-03-11 12:00")
    shop.send()
    assert shop.states() == {("C1", 1): "sent", ("C1", 2): "skipped"}


def test_who_has_opted_in_again_is_written_to_and_both_are_kept(shop: Shop):
    ready(shop)
    assert (opts_out(shop), opts_out(shop)) == (1, 0)
    assert opts_in(shop, customer_id="C1") == 1
    shop.send()
    assert outcome(shop) == ("sent", None)
    (kept,) = find_opt_outs(shop.connection, OptOutFilter(customer_id="C1"), limit=10, withdrawn=True)
    assert (kept.source, kept.recorded_by, kept.opted_out_at) == ("test", "hanako", shop.now)
    assert (kept.withdrawn_at, kept.withdrawn_by, kept.withdraw_reason) == (
        shop.now, OPERATOR.actor, "asked by letter"
    )  # fmt: skip
    assert find_opt_outs(shop.connection, OptOutFilter(), limit=10) == []


def test_a_withdrawal_is_of_what_was_meant_and_says_why(shop: Shop):
    ready(shop)
    opts_out(shop, channel=MAIL)
    opts_out(shop, channel=OptOutChannel.DM)
    opts_out(shop, "C2")
    with pytest.raises(ReasonMissing):
        withdraw(shop.connection, OptOutFilter("C1"), reason=" ", now=shop.now, context=OPERATOR)
    with pytest.raises(NobodyOptedOut):
        withdraw(shop.connection, OptOutFilter(channel=MAIL), reason="x", now=shop.now, context=OPERATOR)
    assert opts_in(shop, customer_id="C1", channel=MAIL) == 1
    assert opts_in(shop, customer_id="C1", channel=MAIL) == 0
    left = find_opt_outs(shop.connection, OptOutFilter(), limit=10)
    assert [(each.customer_id, each.channel) for each in left] == [("C2", None), ("C1", "dm")]


def test_opt_outs_are_found_and_withdrawn_whatever_stands_in_them(shop: Shop):
    odd = 'O\'Brien "50%" %s {0} \\ 駅'
    opts_out(shop, odd)
    opts_out(shop, "C2")
    which = OptOutFilter(customer_id=odd)
    (found,) = find_opt_outs(shop.connection, which, limit=10)
    (ended,) = withdraw(shop.connection, which, reason=odd, now=shop.now, context=OPERATOR)
    assert (ended.opt_out_id, ended.customer_id, ended.withdraw_reason) == (found.opt_out_id, odd, odd)
    assert [each.customer_id for each in find_opt_outs(shop.connection, OptOutFilter(), limit=10)] == ["C2"]


@pytest.mark.parametrize("since", ["-infinity", "0001-01-01 00:00+00", "9999-12-31 00:00+00"])
def test_an_entry_by_hand_without_a_readable_date_is_refused(shop: Shop, since: str):
    suppressed = "insert into outreach.suppression_list (customer_id, reason, source, suppressed_at) values"
    with pytest.raises(psycopg.errors.CheckViolation, match="suppressed_at_is_readable"):
        shop.execute(f"{suppressed} ('C1', 'do_not_deliver', 'by hand', %s)", [since])
    opted_out = "insert into outreach.opt_outs (customer_id, source, opted_out_at) values"
    with pytest.raises(psycopg.errors.CheckViolation, match="opted_out_at_is_readable"):
        shop.execute(f"{opted_out} ('C1', 'by hand', %s)", [since])


def test_an_old_opt_out_told_again_after_an_opt_in_is_no_news(shop: Shop):
    shop.at("2024-03-01 09:00")
    old = shop.now
    opts_out(shop, address="c1@shop.example", channel=MAIL)
    shop.at("2024-03-02 09:00")
    opts_in(shop, customer_id="C1")
    assert opts_out(shop, None, address="c1@shop.example", channel=MAIL, opted_out_at=old) == 0
    assert opts_out(shop, None, address="c1@shop.example", channel=MAIL, opted_out_at=shop.now) == 0
    assert opts_out(shop, None, address="other@shop.example", channel=MAIL, opted_out_at=old) == 1
    shop.at("2024-03-03 09:00")
    assert opts_out(shop, None, address="c1@shop.example", channel=MAIL) == 1


OLD_NUMBERS = ("090-1234-5678", "０９０－１２３４－５６７８", "(090) 1234 5678")


def opted_out_before(shop: Shop, *addresses: str) -> None:
    """Opt-outs as they were recorded while telephone numbers were kept as they were written."""
    for address in addresses:
        entry = "insert into outreach.opt_outs (address, source, opted_out_at) values (%s, 'command', %s)"
        shop.execute(entry, address, shop.now)


@pytest.mark.parametrize("asked", ["09012345678", "090-1234-5678", "０９０１２３４５６７８"])
def test_opt_outs_of_a_telephone_number_are_found_and_withdrawn_in_whatever_form(shop: Shop, asked: str):
    # none is of that number: a LINE id and a mail address with its digits, and numbers of one digit more and fewer
    others = ("u09012345678", "a09012345678@shop.example", "090123456789", "9012345678")
    opted_out_before(shop, *OLD_NUMBERS, *others)
    opts_out(shop, None, address="090 1234 5678")
    numbers = {*OLD_NUMBERS, "09012345678"}
    assert {each.address for each in find_opt_outs(shop.connection, OptOutFilter(address=asked), limit=10)} == numbers
    assert opts_in(shop, address=asked) == len(numbers)
    assert {each.address for each in find_opt_outs(shop.connection, OptOutFilter(), limit=10)} == set(others)


def test_a_telephone_number_told_twice_in_other_forms_stands_once(shop: Shop):
    assert [opts_out(shop, None, address=written) for written in OLD_NUMBERS] == [1, 0, 0]


def test_an_old_opt_out_of_a_number_as_it_was_written_told_again_after_an_opt_in_is_no_news(shop: Shop):
    shop.at("2024-03-01 09:00")
    old = shop.now
    opted_out_before(shop, OLD_NUMBERS[0])
    shop.execute(
        "insert into outreach.opt_outs (customer_id, address, source, opted_out_at) values ('C2', %s, 'file', %s)",
        OLD_NUMBERS[1],
        old,
    )
    shop.at("2024-03-02 09:00")
    assert opts_in(shop, address=OLD_NUMBERS[0]) == 2
    assert opts_out(shop, None, address=OLD_NUMBERS[0], opted_out_at=old) == 0
    assert opts_out(shop, "C2", address=OLD_NUMBERS[1], opted_out_at=old) == 0
    shop.at("2024-03-03 09:00")
    assert opts_out(shop, None, address=OLD_NUMBERS[0], opted_out_at=shop.now) == 1


@pytest.mark.parametrize(
    ("known", "told", "is_news"),
    [
        (("C1", "a@b.example"), ("C1", None), False),
        (("C1", "a@b.example"), (None, "A@b.example"), False),
        (("C1", "a@b.example"), ("C1", "a@b.example"), False),
        (("C1", None), ("C1", "a@b.example"), True),
        ((None, "a@b.example"), ("C1", "a@b.example"), True),
        (("C2", "a@b.example"), ("C1", "a@b.example"), True),
        (("C1", "a@b.example"), ("C1", "c@b.example"), True),
    ],
)
def test_what_was_withdrawn_is_of_all_who_are_told_again(shop: Shop, known: Any, told: Any, is_news: bool):
    opts_out(shop, known[0], address=known[1])
    shop.now += timedelta(days=1)
    opts_in(shop, customer_id=known[0], address=known[1])
    old = shop.now - timedelta(hours=1)
    assert opts_out(shop, told[0], address=told[1], opted_out_at=old) == is_news
    # of something else it is news in any case
    assert opts_out(shop, told[0], address=told[1], opted_out_at=old, channel=MAIL)
    assert opts_out(shop, told[0], address=told[1], opted_out_at=old, site="a.example")


def test_what_is_told_is_compared_with_its_own_alone(shop: Shop):
    """The daily reading of a provider's lists tells the same thousands every day; most stand, some were withdrawn."""
    many, old = 1_000, shop.now - timedelta(hours=1)
    people = [(f"C{n}", None) if n % 2 else (None, f"a{n}@b.example") for n in range(many)]
    asked = [NewOptOut(customer_id, address, opted_out_at=old) for customer_id, address in people]
    assert opt_out(shop.connection, asked, source="test", now=shop.now, recorded_by=None) == many
    for withdrawn in (0, many // 2):
        if some := find_opt_outs(shop.connection, OptOutFilter(), limit=withdrawn):
            chosen = OptOutFilter(opt_out_ids=tuple(each.opt_out_id for each in some))
            assert len(withdraw(shop.connection, chosen, reason="x", now=shop.now, context=OPERATOR)) == withdrawn
        with plans(shop) as made:
            assert opt_out(shop.connection, asked, source="test", now=shop.now, recorded_by=None) == 0
            assert opt_out(shop.connection, asked[:1], source="test", now=shop.now, recorded_by=None) == 0
        of_all, of_one = [list(_nodes(plan)) for plan in made]
        assert sum(node.get("Rows Removed by Join Filter", 0) * node["Actual Loops"] for node in of_all) <= many
        assert [node["Alias"] for node in of_one if node["Node Type"] == "Seq Scan"] == []


@contextmanager
def plans(shop: Shop) -> Iterator[list[Any]]:
    """Yield the plans of the statements in between, with what was counted."""
    made: list[Any] = []

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        made.append(json.loads((notice.message_primary or "").partition("plan:")[2])["Plan"])

    shop.execute("load 'auto_explain'")
    changes = {"log_min_duration": "0", "log_analyze": "on", "log_timing": "off", "log_format": "json"}
    for name, value in changes.items():
        shop.execute(f"set auto_explain.{name} = '{value}'")
    shop.execute("set client_min_messages = log")
    shop.connection.add_notice_handler(hear)
    yield made
    shop.connection.remove_notice_handler(hear)
    shop.execute("reset client_min_messages")
    shop.execute("set auto_explain.log_min_duration = -1")


def _nodes(plan: Any) -> Iterator[Any]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def test_an_opt_out_is_never_rewritten(shop: Shop):
    opts_out(shop)
    for change in (
        "delete from outreach.opt_outs",
        "update outreach.opt_outs set channel = 'dm'",
        "update outreach.opt_outs set withdrawn_at = now()",
    ):
        with pytest.raises(Exception, match=r"only ever withdrawn|violates check constraint"):
            shop.execute(change)


def test_a_list_leaves_out_who_has_opted_out_of_it(shop: Shop):
    call = OptOutChannel.OUTBOUND_CALL
    kept_off = [{"channel": OptOutChannel.DM}, {}, {"channel": OptOutChannel.DM, "site": "a.example"}]
    # an address of mail concerns mail
    listed = [
        {"channel": call},
        {"channel": MAIL},
        {"site": "b.example"},
        {"customer_id": None, "address": "{}@shop.example"},
    ]
    customers = [f"C{number}" for number in range(len(kept_off) + len(listed))]
    ready(shop, *customers, site="a.example", steps=[STEP | {"channel": "dm"}])
    for customer, asked in zip(customers, [*kept_off, *listed], strict=True):
        told = {"customer_id": customer, **asked}
        if "address" in told:
            told["address"] = told["address"].format(customer.lower())
        opts_out(shop, **told)
    report = export_due(shop.connection, now=shop.now, settings=shop.settings, context=OPERATOR)
    assert (report.exported, report.opted_out) == (len(listed), len(kept_off))
    assert [outcome(shop, customer) for customer in customers] == [
        *[("cancelled", "opted_out")] * len(kept_off),
        *[("sent", None)] * len(listed),
    ]


def test_what_was_read_is_kept_with_the_attempt_and_the_message(shop: Shop):
    ready(shop, "C1", "C2", "C3")
    opts_out(shop, "C1")
    opts_out(shop, "C2", channel=MAIL, site="b.example")
    shop.execute(
        "insert into outreach.suppression_list (address, reason, source, suppressed_at)"
        " values ('c2@shop.example', 'bounced', 'test', '2024-01-01 00:00+00')"
    )
    shop.change_customer("C2", email_2="second@shop.example")
    shop.send()
    kept = dict(
        shop.execute(
            "select rows.customer_id, attempts.consent_evidence from outreach.attempts"
            " inner join outreach.schedule_rows as rows using (schedule_row_id)"
        )
    )
    assert kept["C3"] is None
    of_c1 = shop.execute("select opt_out_id from outreach.opt_outs where customer_id = 'C1'")
    assert [(each["id"],) for each in kept["C1"]["opt_outs"]] == of_c1
    (aside,) = kept["C2"]["opt_outs"]
    assert (aside["site"], aside["channel"], aside["applies"]) == ("b.example", "mail", False)
    ((entry,),) = shop.execute("select suppression_id from outreach.suppression_list")
    assert kept["C2"]["suppressions"] == [{"id": entry, "reason": "bounced", "since": "2024-01-01T00:00:00+00:00"}]
    messages = dict(shop.execute("select customer_id, consent_evidence from outreach.messages"))
    assert messages == {"C2": kept["C2"], "C3": {}}
    assert lineage(shop.connection, shop.row(customer="C2").message_id).consent_evidence == kept["C2"]


def test_the_timeline_tells_of_opting_out_and_in(shop: Shop):
    ready(shop)
    opts_out(shop, channel=OptOutChannel.OUTBOUND_CALL, site="a.example", reason="by telephone")
    opts_out(shop, None, address="c1@shop.example")
    shop.at("2024-03-09 12:05")
    opts_in(shop, customer_id="C1")
    told = timeline(shop.connection, "C1", zone=shop.settings.zone, oldest_first=True).entries
    lines = [(each.what, each.why, each.by) for each in told if each.kind in ("opted_out", "opted_in")]
    assert lines == [
        ("opted out of every message by outbound call of a.example", "told by test: by telephone", "a person: hanako"),
        ("opted out of every message to the address c…@shop.example", "told by test", "a person: hanako"),
        (
            "opted in again to every message by outbound call of a.example",
            "asked by letter",
            f"a person: {OPERATOR.actor}",
        ),
    ]


def test_looking_up_a_batch_reads_no_list_whole(shop: Shop):
    """Whether each look has an index; the lists may hold millions, a batch a thousand."""
    values = {"customers": ["C1"], "addresses": ["a@b.example"]}
    shop.execute("set enable_seqscan = off")
    query = sql.SQL("explain ") + statement(objections.__file__, "objections")
    plan = shop.connection.execute(query, values).fetchall()
    shop.execute("reset enable_seqscan")
    scanned = [line for (line,) in plan if "Seq Scan" in line]
    assert not [line for line in scanned if "opt_outs" in line or "suppression_list" in line]


def test_an_opt_out_withdrawn_at_the_instant_it_was_made_is_no_news_when_told_again(shop: Shop):
    assert opts_out(shop, opted_out_at=shop.now) == 1
    opts_in(shop, customer_id="C1")
    assert opts_out(shop, opted_out_at=shop.now) == 0


def test_an_order_of_a_site_without_a_name_is_of_the_site_of_the_customers_account(shop: Shop):
    shop.scenario()
    shop.customer("C1", access_url="a.example")
    shop.eligible("C1", "2024-03-08", key="O1")
    shop.execute(
        "insert into raw.orders (order_id, customer_id, ordered_at, status, kind, access_url)"
        " values ('O1', 'C1', '2024-03-08 10:00+09', 'shipped', 'one_off', '')"
    )
    opts_out(shop, site="a.example")
    shop.plan()
    shop.at(NOON)
    shop.send()
    assert outcome(shop) == ("skipped", "opted_out")

"""The unsubscribe link: what a person, a mail program and a scanner get of it, and what is kept."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.types import ASGIApp

from ekiden.delivery.consent.unsubscribe_tokens import signer_for, signer_of, token_of
from ekiden.webhook.app import webhook_app
from tests.integration.ledger_fixtures import STEP, Shop
from tests.integration.webhook.provider import Answer, ask

NOON = "2024-03-09 12:00"
FORM = {"content-type": "application/x-www-form-urlencoded"}
ONE_CLICK = b"List-Unsubscribe=One-Click"


@pytest.fixture
def sent(shop: Shop) -> Shop:
    """C1 to C5 have got a message of the site a.example."""
    return sent_of(shop, site="a.example")


def sent_of(shop: Shop, **scenario: str) -> Shop:
    shop.settings = shop.settings.model_copy(
        update={"unsubscribe_url": "https://mail.shop.example/unsubscribe", "sender_name": "駅伝 <商店>"}
    )
    shop.scenario(steps=[STEP, STEP | {"offset_days": 3}], **scenario)
    for customer in ("C1", "C2", "C3", "C4", "C5"):
        shop.buyer(customer)
    shop.plan()
    shop.at(NOON)
    shop.send()
    return shop


def app_of(shop: Shop, **changes: Any) -> ASGIApp:
    return webhook_app(shop.settings.model_copy(update=changes), clock=lambda: shop.now, drains=False)


def path_of(shop: Shop, customer: str = "C1") -> str:
    message = next(each for each in shop.channel.messages if each.to_address.startswith(customer.lower()))
    return message.unsubscribe_url.removeprefix("https://mail.shop.example")


def opt_outs(shop: Shop) -> list[tuple[Any, ...]]:
    return shop.execute(
        "select customer_id, address, channel, site, source, message_id, opted_out_at from outreach.opt_outs"
        " order by opt_out_id"
    )


def post(shop: Shop, body: bytes = ONE_CLICK, path: str = "", headers: dict[str, str] | None = None) -> Answer:
    return ask(app_of(shop), body, FORM if headers is None else headers, path=path or path_of(shop))


def test_a_mail_programs_post_is_an_opt_out_of_all_mail_once_it_is_answered(sent: Shop):
    answer = post(sent)
    assert answer.status == 200
    assert "set-cookie" not in answer.headers
    assert opt_outs(sent) == [
        ("C1", "c1@shop.example", "mail", None, "one_click", sent.row(customer="C1", step_no=1).message_id, sent.now)
    ]
    sent.at("2024-03-11 12:00")
    sent.send()
    second = sent.row(customer="C1", step_no=2)
    assert (second.state, second.reason) == ("skipped", "opted_out")


def test_posting_twice_is_posting_once(sent: Shop):
    assert [post(sent).status for _ in range(3)] == [200, 200, 200]
    assert len(opt_outs(sent)) == 1


def test_looking_changes_nothing(sent: Shop):
    answers = [ask(app_of(sent), method=method, path=path_of(sent)) for method in ("GET", "HEAD")]
    assert [answer.status for answer in answers] == [200, 200]
    assert opt_outs(sent) == []


def test_the_page_asks_in_the_readers_language_and_names_the_shop(sent: Shop):
    japanese = ask(app_of(sent), method="GET", path=path_of(sent))
    page = japanese.body.decode()
    for part in ('<html lang="ja">', "駅伝 &lt;商店&gt;", '<form method="post">', "a.example からの配信だけを停止する"):
        assert part in page
    english = ask(app_of(sent), headers={"accept-language": "en"}, method="GET", path=path_of(sent))
    assert "Unsubscribe from a.example only" in english.body.decode()
    assert (japanese.headers["content-language"], english.headers["content-language"]) == ("ja", "en")


def test_the_page_asks_nobody_else_for_anything_and_gives_its_address_to_nobody(sent: Shop):
    answer = ask(app_of(sent), method="GET", path=path_of(sent))
    page = answer.body.decode()
    for trace in ("http", "src=", "<script", "<img", "<link"):
        assert trace not in page
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "set-cookie" not in answer.headers


def test_a_person_may_refuse_one_site_only(sent: Shop):
    assert post(sent, b"scope=site").status == 200
    assert [row[2:5] for row in opt_outs(sent)] == [("mail", "a.example", "page")]
    # who then refuses all has refused all
    post(sent, b"scope=all")
    assert [row[2:5] for row in opt_outs(sent)] == [("mail", "a.example", "page"), ("mail", None, "page")]


def test_the_answer_promises_silence_of_one_site_where_one_site_is_refused(sent: Shop):
    english = FORM | {"accept-language": "en"}
    for headers, of_site, of_all in (
        (FORM, "今後、a.example からのこの種のご案内はお送りしません。", "今後、この種のご案内はお送りしません。"),
        (english, "no more messages of this kind from a.example.", "We will send you no more messages of this kind."),
    ):
        site, everything, one_click = (
            post(sent, body, headers=headers).body.decode()
            for body in (b"scope=site", b"scope=all", ONE_CLICK + b"&scope=site")
        )
        assert of_site in site
        assert of_all not in site
        assert of_all in everything
        assert of_all in one_click


def test_who_refuses_one_site_of_a_message_that_is_of_none_refuses_all_and_is_told_so(shop: Shop):
    assert "今後、この種のご案内はお送りしません。" in post(sent_of(shop), b"scope=site").body.decode()
    assert [row[2:5] for row in opt_outs(shop)] == [("mail", None, "page")]


def test_a_post_to_the_link_means_what_it_says_whatever_its_body(sent: Shop):
    multipart = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
    asked = {
        "C1": (b"", {}),
        "C2": (b"scope=all", FORM),
        "C3": (b"anything at all \xff", {"content-type": "text/plain"}),
        "C4": (multipart, {"content-type": "multipart/form-data; boundary=x"}),
        # a mail program knows of no scope: what it posts is of everything
        "C5": (ONE_CLICK + b"&scope=site", FORM),
    }
    for customer, (body, headers) in asked.items():
        assert post(sent, body, path_of(sent, customer), headers).status == 200
    assert [(row[0], *row[2:5]) for row in opt_outs(sent)] == [
        ("C1", "mail", None, "page"),
        ("C2", "mail", None, "page"),
        ("C3", "mail", None, "page"),
        ("C4", "mail", None, "one_click"),
        ("C5", "mail", None, "one_click"),
    ]


def test_a_link_of_nobody_tells_nothing_and_changes_nothing(sent: Shop):
    theirs = signer_of(["x" * 32])
    ours = signer_for(sent.settings)
    message_id = sent.row(customer="C1", step_no=1).message_id
    tokens = [
        token_of(theirs, message_id), token_of(ours, uuid4()), str(uuid4()), "x", "%00", path_of(sent)[13:-1],
    ]  # fmt: skip
    pages = {ask(app_of(sent), method="GET", path=f"/unsubscribe/{token}").body for token in tokens}
    assert len(pages) == 1
    answers = [post(sent, path=f"/unsubscribe/{token}") for token in tokens]
    assert {answer.status for answer in answers} == {404}
    assert opt_outs(sent) == []


def test_the_bare_id_of_a_message_from_before_links_were_signed_still_works(sent: Shop):
    bare = f"/unsubscribe/{sent.row(customer='C1', step_no=1).message_id}"
    signed_since = sent.execute("select signed_since from outreach.signed_links")
    try:
        sent.execute("update outreach.signed_links set signed_since = %s", sent.now)
        assert post(sent, path=bare).status == 404
        sent.execute("update outreach.signed_links set signed_since = %s", sent.local("2024-03-09 12:01"))
        assert post(sent, path=bare).status == 200
    finally:
        sent.execute("update outreach.signed_links set signed_since = %s", *signed_since[0])
    assert [row[0] for row in opt_outs(sent)] == ["C1"]


def test_a_message_that_never_left_has_no_link(sent: Shop):
    token = token_of(signer_for(sent.settings), sent.row(customer="C1", step_no=2).message_id)
    assert post(sent, path=f"/unsubscribe/{token}").status == 404


def test_without_a_database_the_answer_is_to_try_again(sent: Shop):
    gone = app_of(sent, database_url=SecretStr("postgresql://nobody@127.0.0.1:1/none"))
    for method in ("GET", "POST"):
        answer = ask(gone, ONE_CLICK, FORM, method=method, path=path_of(sent))
        assert (answer.status, answer.headers["retry-after"]) == (503, "300")
    assert opt_outs(sent) == []


def test_a_link_with_a_slash_behind_it_is_the_same_link_and_leads_nowhere_else(sent: Shop):
    assert ask(app_of(sent), method="GET", path=path_of(sent) + "/").status == 200
    assert post(sent, path=path_of(sent) + "/").status == 200
    assert len(opt_outs(sent)) == 1


def test_a_database_that_takes_nothing_promises_nothing(sent: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PGOPTIONS", "-c default_transaction_read_only=on")
    assert post(sent).status == 503
    assert opt_outs(sent) == []


def test_a_body_without_end_is_refused_and_is_no_opt_out(sent: Shop):
    assert post(sent, b"x" * 9000).status == 413
    assert ask(app_of(sent), ONE_CLICK, FORM, path=path_of(sent), is_cut_off=True).status == 400
    assert opt_outs(sent) == []


def test_a_link_goes_on_working_when_the_customer_is_gone(sent: Shop):
    sent.execute("delete from raw.customers")
    assert post(sent).status == 200
    assert [row[:2] for row in opt_outs(sent)] == [("C1", "c1@shop.example")]


def test_a_withdrawn_opt_out_can_be_made_again(sent: Shop):
    post(sent)
    sent.execute(
        "update outreach.opt_outs set withdrawn_at = %s, withdrawn_by = 'hanako', withdraw_reason = 'asked by letter'",
        sent.now,
    )
    sent.at("2024-03-09 13:00")
    post(sent)
    assert len(opt_outs(sent)) == 2


def test_a_link_counts_though_the_clock_of_whoever_withdrew_the_last_opt_out_is_ahead(sent: Shop):
    post(sent)
    sent.execute(
        "update outreach.opt_outs set withdrawn_at = %s, withdrawn_by = 'hanako', withdraw_reason = 'asked by letter'",
        sent.now + timedelta(minutes=5),
    )
    sent.now += timedelta(minutes=1)
    assert post(sent).status == 200
    assert len(opt_outs(sent)) == 2


@examples(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=st.text(st.characters(codec="latin-1", exclude_characters="/"), min_size=1, max_size=100))
def test_whatever_stands_in_the_address_it_is_answered(shop: Shop, token: str):
    assert ask(app_of(shop), ONE_CLICK, FORM, path=f"/unsubscribe/{token}").status == 404

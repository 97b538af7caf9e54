"""Reading SendGrid's own lists: every page, from where the last reading ended, and never taking anything away."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from traceback import format_exception
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from ekiden.delivery.channels.sendgrid import suppressions as sendgrid_suppressions
from ekiden.delivery.channels.sendgrid.suppressions import ListUnreadable, SendGridSuppressions, SuppressionList
from ekiden.delivery.consent.suppressions import OVERLAP, NoSuppressionList, find_suppressions, lists_for, sync
from tests.integration.deadlocks import fails_once
from tests.integration.delivery.channels.provider import answer, hang_up, provider
from tests.integration.ledger_fixtures import STEP, Shop
from tests.loopback import Handler

KEY = "SG.a-key"
ASKED_AT = datetime(2024, 3, 9, tzinfo=UTC)
PAGED = ("bounces", "spam_reports", "invalid_emails", "unsubscribes")
LISTED = datetime(2024, 3, 1, tzinfo=UTC)


class Lists:
    """SendGrid's lists as its API description has them; refuses what that does not name."""

    def __init__(self) -> None:
        self.lists: dict[str, list[dict[str, Any]]] = {name: [] for name in PAGED}
        self.groups: list[dict[str, Any]] = []
        self.broken: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, int]]] = []

    def put(self, name: str, *addresses: str, at: datetime = LISTED, **fields: Any) -> None:
        created = int(at.timestamp())
        self.lists[name] += [{"created": created, "email": address, **fields} for address in addresses]

    def put_group(self, group_id: int, *addresses: str, at: datetime = LISTED) -> None:
        created = int(at.timestamp())
        self.groups += [
            {"email": address, "group_id": group_id, "group_name": "News", "created_at": created}
            for address in addresses
        ]

    def __call__(self, handler: Handler) -> None:
        path = urlsplit(handler.path)
        query = {name: int(value) for name, (value,) in parse_qs(path.query, strict_parsing=bool(path.query)).items()}
        assert handler.command == "GET"
        if handler.headers["Authorization"] != f"Bearer {KEY}":
            return handler.answer(401, b'{"errors": [{"message": "authorization required"}]}')
        assert handler.headers["Accept"] == "application/json"
        name = path.path.removeprefix("/v3/suppression/").removeprefix("/v3/asm/")
        self.asked.append((name, query))
        if name in self.broken:
            return self.broken[name](handler)
        if path.path == "/v3/asm/suppressions":
            assert not query
            return _json(handler, self.groups)
        assert path.path == f"/v3/suppression/{name}"
        assert set(query) <= {"start_time", "end_time", "limit", "offset"}
        assert 1 <= query["limit"] <= 500
        first, last = query.get("start_time", 0), query["end_time"]
        # the newest first, as the real one
        found = sorted(
            (each for each in self.lists[name] if first <= each["created"] <= last), key=lambda each: -each["created"]
        )
        return _json(handler, found[query["offset"] :][: query["limit"]])


def _json(handler: Handler, body: object) -> None:
    handler.answer(200, json.dumps(body).encode(), Content_Type="application/json")


class Pauses:
    """A clock that goes on while somebody waits, and how long each waited."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def clock(self) -> datetime:
        return ASKED_AT + timedelta(seconds=sum(self.seconds))


class Limited(Lists):
    """Lists of which a page is given to every `each`th request at most; all others are to wait for so long."""

    def __init__(self, pauses: Pauses, *, wait: timedelta, each: int) -> None:
        super().__init__()
        self._pauses, self._wait, self._each = pauses, wait, each
        self.answered = self.turned_away = 0

    def __call__(self, handler: Handler) -> None:
        if (self.answered + self.turned_away + 1) % self._each:
            self.turned_away += 1
            reset = self._pauses.clock() + self._wait
            return handler.answer(429, X_RateLimit_Reset=str(int(reset.timestamp())))
        self.answered += 1
        return super().__call__(handler)


@contextmanager
def serving(
    lists: Lists, *, key: str = KEY, page: int = 500, pauses: Pauses | None = None
) -> Iterator[SendGridSuppressions]:
    pauses = pauses or Pauses()
    waiting: dict[str, Any] = {"clock": pauses.clock, "pause": pauses.seconds.append}
    with provider(lists) as server:
        yield SendGridSuppressions(SecretStr(key), host=server.url, page=page, read_seconds=5, **waiting)


def read(
    shop: Shop, lists: Lists, *, full: bool = False, page: int = 500, pauses: Pauses | None = None
) -> dict[str, tuple[int, int]]:
    with serving(lists, page=page, pauses=pauses) as reader:
        synced = list(sync(shop.connection, reader, settings=shop.settings, now=shop.now, full=full))
    return {each.list_name.removeprefix("sendgrid "): (each.entries, each.added) for each in synced}


def entries(shop: Shop) -> dict[str | None, str]:
    return {each.address: each.reason for each in find_suppressions(shop.connection, limit=10_000)}


def test_every_list_is_read_and_each_entry_says_why(shop: Shop):
    lists = Lists()
    lists.put("bounces", "Bounced@Shop.Example", reason="550 5.1.1 " + "x" * 500, status="5.1.1")
    lists.put("spam_reports", "complained@shop.example", ip="10.0.0.1")
    lists.put("invalid_emails", "invalid@shop.example", reason="known bad domain")
    lists.put("unsubscribes", "left@shop.example")
    lists.put_group(7, "left-one@shop.example")
    assert read(shop, lists) == dict.fromkeys((*PAGED, "groups"), (1, 1))
    assert entries(shop) == {
        "bounced@shop.example": "bounced",
        "complained@shop.example": "complained",
        "invalid@shop.example": "invalid_address",
        "left@shop.example": "unsubscribed",
    }
    (stored,) = find_suppressions(shop.connection, address="BOUNCED@shop.example", limit=10)
    assert (stored.source, stored.suppressed_at) == ("sendgrid", LISTED)


def test_an_address_in_letters_younger_than_python_keeps_no_list_from_being_read(shop: Shop):
    # capital letters of Unicode 16, which a server may know and this Python may not
    odd = ("\u1c89@shop.example", "\ua7da@shop.example", "\U00010d50@shop.example")
    lists = Lists()
    lists.put("invalid_emails", *odd, "invalid@shop.example")
    lists.put_group(7, *odd)
    found = read(shop, lists)
    assert (found["invalid_emails"], found["groups"]) == ((4, 4), (3, 3))
    assert entries(shop)["invalid@shop.example"] == "invalid_address"


def test_a_reason_cut_within_a_character_keeps_no_list_from_being_read(shop: Shop):
    lists = Lists()
    lists.put("bounces", "bounced@shop.example", reason="550 no such mailbox \ud83d")
    assert read(shop, lists)["bounces"] == (1, 1)


def test_all_pages_are_read_and_reading_twice_adds_nothing(shop: Shop):
    lists = Lists()
    addresses = [f"a{number}@shop.example" for number in range(20)]
    for number, address in enumerate(addresses):
        lists.put("bounces", address, at=LISTED + timedelta(minutes=number))
    assert read(shop, lists, page=7)["bounces"] == (20, 20)
    assert [query["offset"] for name, query in lists.asked if name == "bounces"] == [0, 7, 14]
    assert read(shop, lists, page=5, full=True)["bounces"] == (20, 0)
    assert set(entries(shop)) == set(addresses)


def test_the_next_reading_begins_a_little_before_the_last_ended(shop: Shop):
    lists = Lists()
    read(shop, lists)
    first = shop.now
    lists.asked.clear()
    shop.now += timedelta(days=1)
    lists.put("bounces", "late@shop.example", at=first - timedelta(hours=1))
    assert read(shop, lists)["bounces"] == (1, 1)
    starts = {name: query.get("start_time") for name, query in lists.asked}
    assert starts["bounces"] == int((first - OVERLAP).timestamp())
    assert starts["suppressions"] is None


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (answer(429, X_RateLimit_Reset="1710000000"), r"429\); try again from 16:00:00 UTC"),
        (answer(429, X_RateLimit_Reset="1710000000000"), r"429\); try again later"),
        (answer(500), "answered 500 for invalid_emails"),
        (answer(403), "needs the scopes suppression.read"),
        (answer(302, Location="/elsewhere"), "answered 302"),
        (answer(200, b'{"result": []}'), "no list"),
        (answer(200, b'[{"email": "x@y.example"'), "no list"),
        (answer(200, b'[{"email": "x@y.example"}]'), "no address or no time"),
        (answer(200, b"[null]"), "no address or no time"),
        (hang_up, "did not answer for invalid_emails"),
    ],
)
def test_a_list_that_cannot_be_read_says_so_and_what_was_read_stays(shop: Shop, broken: Any, told: str):
    lists = Lists()
    lists.put("bounces", "bounced@shop.example")
    lists.broken["invalid_emails"] = broken
    with pytest.raises(ListUnreadable, match=told) as refused:
        read(shop, lists)
    assert KEY not in str(refused.value)
    assert entries(shop) == {"bounced@shop.example": "bounced"}
    # mended, it goes on with what was not read yet from its beginning
    lists.broken.clear()
    lists.asked.clear()
    lists.put("invalid_emails", "invalid@shop.example")
    assert read(shop, lists)["invalid_emails"] == (1, 1)
    assert "start_time" not in dict(lists.asked)["invalid_emails"]


def test_a_provider_that_gives_the_same_page_for_ever_is_not_asked_for_ever(shop: Shop):
    lists = Lists()
    lists.broken["bounces"] = answer(200, b'[{"email": "x@y.example", "created": 1}]')
    with pytest.raises(ListUnreadable, match="same page"):
        read(shop, lists, page=1)


def test_without_its_key_or_its_server_nothing_is_read(shop: Shop):
    lists = Lists()
    with serving(lists, key="another") as reader:
        with pytest.raises(ListUnreadable, match=r"^SendGrid turns us away \(401\): [^:]*$"):
            list(sync(shop.connection, reader, settings=shop.settings, now=shop.now))
        gone = SendGridSuppressions(SecretStr(KEY), host="http://127.0.0.1:1")
        with pytest.raises(ListUnreadable, match="cannot be reached"):
            list(sync(shop.connection, gone, settings=shop.settings, now=shop.now))
    assert lists.asked == []
    with pytest.raises(NoSuppressionList, match="EKIDEN_SENDGRID_API_KEY"):
        lists_for(shop.settings)


@pytest.mark.parametrize("between", ["\n", "\u200b", "駅"])
def test_what_is_no_key_is_not_shown(shop: Shop, between: str):
    settings = shop.settings.model_copy(update={"sendgrid_api_key": SecretStr(f"{KEY}{between}{KEY}")})
    with pytest.raises(NoSuppressionList, match="EKIDEN_SENDGRID_API_KEY holds what no key does") as refused:
        list(sync(shop.connection, lists_for(settings), settings=settings, now=shop.now))
    assert KEY not in "".join(format_exception(refused.value))


@pytest.mark.parametrize("step", ["opt_out", "_suppress"])
def test_a_page_that_the_database_ended_to_let_somebody_else_go_on_is_taken_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, step: str
):
    lists = Lists()
    lists.put("bounces", "bounced@shop.example")
    lists.put_group(7, "left-one@shop.example")
    fails_once(monkeypatch, f"ekiden.delivery.consent.suppressions.{step}")
    found = read(shop, lists)
    assert (found["bounces"], found["groups"]) == ((1, 1), (1, 1))


def test_what_we_know_stays_as_it_is_and_nothing_is_ever_removed(shop: Shop):
    shop.execute(
        "insert into outreach.suppression_list (address, reason, source, suppressed_at) values"
        " ('known@shop.example', 'complained', 'ours', '2024-01-01 00:00+00'),"
        " ('forgotten@shop.example', 'bounced', 'sendgrid', '2024-01-01 00:00+00')"
    )
    lists = Lists()
    lists.put("bounces", "known@shop.example")
    assert read(shop, lists, full=True)["bounces"] == (1, 0)
    assert entries(shop) == {"known@shop.example": "complained", "forgotten@shop.example": "bounced"}


def test_an_entry_is_shown_in_every_spelling_by_which_it_keeps_mail_back(shop: Shop):
    known = ("hanako@メール.example", '"taro."@docomo.ne.jp', "090-1234-5678", "０９０－１２３４－５６７８")
    for address in (*known, "jiro@shop.example", "a09012345678@shop.example"):
        shop.execute(
            "insert into outreach.suppression_list (address, reason, source, suppressed_at)"
            " values (%s, 'do_not_deliver', 'by hand', %s)",
            address,
            shop.now,
        )
    for asked, shown in {
        "hanako@メール.example": known[:1],
        "Hanako@xn--4dkua4c.example": known[:1],
        "taro.@docomo.ne.jp": known[1:2],
        "09012345678": known[2:],
        "090-1234-5678": known[2:],
    }.items():
        found = find_suppressions(shop.connection, address=asked, limit=10)
        assert (asked, {each.address for each in found}) == (asked, {*shown})


def test_who_has_left_a_group_gets_no_mail_of_its_site_and_of_an_unknown_group_none_at_all(shop: Shop):
    shop.settings = shop.settings.model_copy(update={"sendgrid_groups": {7: "a.example"}})
    for model, site in (("follow_a", "a.example"), ("follow_b", "b.example")):
        shop.scenario(model, site=site, steps=[STEP])
    for customer in ("C1", "C2", "C3"):
        shop.customer(customer)
        for model in ("follow_a", "follow_b"):
            shop.eligible(customer, "2024-03-08", model=model)
    lists = Lists()
    lists.put_group(7, "C1@shop.example")
    lists.put_group(8, "c2@shop.example")
    assert read(shop, lists)["groups"] == (2, 2)
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    states = {(row.customer_id, row.scenario_code): row.state for row in shop.rows()}
    assert states == {
        ("C1", "follow_a"): "skipped", ("C1", "follow_b"): "sent",
        ("C2", "follow_a"): "skipped", ("C2", "follow_b"): "skipped",
        ("C3", "follow_a"): "sent", ("C3", "follow_b"): "sent",
    }  # fmt: skip


def test_who_has_opted_in_again_is_not_opted_out_by_what_the_provider_knew_before(shop: Shop):
    lists = Lists()
    lists.put_group(8, "c2@shop.example")
    read(shop, lists)
    shop.execute(
        "update outreach.opt_outs set withdrawn_at = %s, withdrawn_by = 'hanako', withdraw_reason = 'a letter'",
        shop.now,
    )
    assert read(shop, lists)["groups"] == (1, 0)
    shop.now += timedelta(days=1)
    lists.put_group(8, "c2@shop.example", at=shop.now)
    assert read(shop, lists)["groups"] == (2, 1)


def test_a_list_that_cannot_be_read_keeps_no_other_from_being_read(shop: Shop):
    lists = Lists()
    lists.broken["bounces"] = answer(500)
    lists.put("spam_reports", "angry@shop.example")
    told = []
    with serving(lists) as reader, pytest.raises(ListUnreadable, match="answered 500 for bounces"):
        for each in sync(shop.connection, reader, settings=shop.settings, now=shop.now):
            told.append((each.list_name, each.added))
    assert entries(shop) == {"angry@shop.example": "complained"}
    assert told[0] == ("sendgrid spam_reports", 1)
    assert len(told) == len(SuppressionList) - 1


def test_who_is_asked_too_often_is_waited_for_and_the_list_is_read_to_its_end(shop: Shop):
    pauses = Pauses()
    lists = Limited(pauses, wait=timedelta(minutes=1), each=2)
    addresses = {f"a{number}@shop.example" for number in range(6)}
    lists.put("bounces", *sorted(addresses))
    assert read(shop, lists, page=2, pauses=pauses)["bounces"] == (6, 6)
    assert set(entries(shop)) == addresses
    # the fourth page is empty
    assert [query["offset"] for name, query in lists.asked if name == "bounces"] == [0, 2, 4, 6]
    assert pauses.seconds == [60.0] * lists.turned_away


def test_who_is_to_be_left_alone_for_long_is_and_what_was_read_stays(shop: Shop):
    pauses = Pauses()
    lists = Lists()
    lists.put("bounces", "bounced@shop.example")
    reset = int((ASKED_AT + timedelta(minutes=10)).timestamp())
    lists.broken["spam_reports"] = answer(429, X_RateLimit_Reset=str(reset))
    with pytest.raises(ListUnreadable, match=r"less often for spam_reports \(429\); try again from 00:10:00 UTC on"):
        read(shop, lists, pauses=pauses)
    assert (entries(shop), pauses.seconds) == ({"bounced@shop.example": "bounced"}, [])


@pytest.mark.parametrize(("each", "waits"), [(1_000, [60.0] * 6), (3, [60.0] * 30)], ids=["one page", "all pages"])
def test_nobody_waits_for_ever(shop: Shop, each: int, waits: list[float]):
    pauses = Pauses()
    lists = Limited(pauses, wait=timedelta(minutes=1), each=each)
    lists.put("bounces", *(f"a{number}@shop.example" for number in range(20)))
    with serving(lists, page=1, pauses=pauses) as reader, pytest.raises(ListUnreadable, match="429"):
        list(reader.entries(SuppressionList.BOUNCES, since=None, until=shop.now))
    assert pauses.seconds == waits


def test_a_list_that_is_longer_than_what_is_read_of_it_says_so_and_the_way_out(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sendgrid_suppressions, "LONGEST_ANSWER", 2**20)
    lists = Lists()
    lists.put_group(7, *(f"{'a' * 60}{number}@shop.example" for number in range(10_000)))
    told = r"the list of groups is longer than the 1 MB that are read of it; add its members with `ekiden opt-out add"
    with pytest.raises(ListUnreadable, match=told):
        read(shop, lists)


def test_an_address_that_a_list_names_twice_is_suppressed_since_the_earlier_time(shop: Shop):
    lists = Lists()
    lists.put("bounces", "Twice@shop.example", at=LISTED)
    lists.put("bounces", "twice@shop.example", at=LISTED + timedelta(days=1))
    assert read(shop, lists)["bounces"] == (2, 1)
    (stored,) = find_suppressions(shop.connection, limit=10)
    assert (stored.address, stored.suppressed_at) == ("twice@shop.example", LISTED)

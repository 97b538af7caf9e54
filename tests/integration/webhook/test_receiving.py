"""What is answered to whom, and what is kept of it."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from psycopg import Connection
from pydantic import SecretStr
from starlette.types import ASGIApp

from ekiden.webhook.app import webhook_app
from ekiden.webhook.refusals import MOST_BYTES
from ekiden.webhook.requests import keep_request, refused_requests, request_counts
from ekiden.webhook.sendgrid_signature import SIGNATURE_HEADER, TIMESTAMP_HEADER
from tests.integration.ledger_fixtures import Shop
from tests.integration.webhook.provider import PATH, Answer, Provider, ask, body_of, event

LONG = 60.0  # seconds; a machine may be busy with other tests


def app_of(shop: Shop, **changes: Any) -> ASGIApp:
    return webhook_app(shop.settings.model_copy(update=changes), clock=lambda: shop.now, drains=False)


def stored(shop: Shop) -> list[tuple[Any, ...]]:
    return shop.execute("select body, repeats, fault from outreach.webhook_requests order by request_id")


def refusals(shop: Shop, app: Any) -> dict[str, int]:
    asyncio.run(app.state.door.write_down())
    return {each.reason: each.requests for each in refused_requests(shop.connection)}


def post(shop: Shop, app: ASGIApp, provider: Provider, body: bytes, *, ago: timedelta = timedelta()) -> Answer:
    return ask(app, body, provider.headers(body, shop.now - ago))


def test_an_authentic_request_is_kept_as_it_came_before_it_is_answered_for(webhook_shop: Shop, provider: Provider):
    body = body_of(event("delivered", webhook_shop.now, email="駅@shop.example"))
    assert post(webhook_shop, app_of(webhook_shop), provider, body).status == 200
    assert stored(webhook_shop) == [(body, 0, None)]


def test_a_request_with_half_a_character_in_a_text_is_kept_and_answered_for(webhook_shop: Shop, provider: Provider):
    body = body_of(event("click", webhook_shop.now, url="CUT")).replace(b"CUT", rb"https://shop.example/\ud83d")
    assert post(webhook_shop, app_of(webhook_shop), provider, body).status == 200
    assert stored(webhook_shop) == [(body, 0, None)]


def test_it_is_on_disk_before_it_is_answered_for_whatever_the_servers_default(
    webhook_shop: Shop, provider: Provider, monkeypatch: pytest.MonkeyPatch
):
    seen: list[str] = []

    def keep(connection: Connection[Any], *about: Any, **more: Any) -> bool:
        seen.extend(*connection.execute("show synchronous_commit"))
        return keep_request(connection, *about, **more)

    monkeypatch.setattr("ekiden.webhook.door.keep_request", keep)
    monkeypatch.setenv("PGOPTIONS", "-c synchronous_commit=off")
    body = body_of(event("delivered", webhook_shop.now))
    assert post(webhook_shop, app_of(webhook_shop), provider, body).status == 200
    assert seen == ["on"]


def test_the_same_request_again_is_counted_and_not_kept_twice(webhook_shop: Shop, provider: Provider):
    app, body = app_of(webhook_shop), body_of(event("open", webhook_shop.now))
    headers = provider.headers(body, webhook_shop.now)
    # replayed as it was, and signed anew by the provider that tries again
    answers = [ask(app, body, headers), ask(app, body, headers), post(webhook_shop, app, provider, body)]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert stored(webhook_shop) == [(body, 2, None)]
    assert request_counts(webhook_shop.connection).repeats == 2


def test_what_is_not_the_providers_is_turned_away_counted_and_not_kept(webhook_shop: Shop, provider: Provider):
    app, body = app_of(webhook_shop), body_of(event("unsubscribe", webhook_shop.now, email="a@shop.example"))
    good = provider.headers(body, webhook_shop.now)
    without = {name: value for name, value in good.items() if name != SIGNATURE_HEADER}
    answers = [
        post(webhook_shop, app, Provider(), body),
        ask(app, body.rstrip(), good),
        ask(app, body, without),
        ask(app, body, {**good, TIMESTAMP_HEADER: "now"}),
        ask(app, body, {**good, SIGNATURE_HEADER: "é" * 50}),
    ]
    assert [answer.status for answer in answers] == [401] * 5
    assert stored(webhook_shop) == []
    assert refusals(webhook_shop, app) == {"bad_signature": 5}


def test_a_stale_request_is_turned_away_and_a_late_try_of_the_provider_is_not(webhook_shop: Shop, provider: Provider):
    app, body = app_of(webhook_shop), body_of(event("open", webhook_shop.now))
    assert post(webhook_shop, app, provider, body, ago=timedelta(hours=25, seconds=1)).status == 403
    assert post(webhook_shop, app, provider, body, ago=timedelta(minutes=-6)).status == 403
    assert stored(webhook_shop) == []
    assert post(webhook_shop, app, provider, body, ago=timedelta(hours=24)).status == 200
    assert refusals(webhook_shop, app) == {"stale": 2}


@pytest.mark.parametrize("body", [b"", b"{}", b'[{"event":', b"\xff\xfe", b'"text"', b"[" * 5000])
def test_an_authentic_body_that_cannot_be_read_is_refused_and_kept_for_a_person(
    webhook_shop: Shop, provider: Provider, body: bytes
):
    app = app_of(webhook_shop)
    assert post(webhook_shop, app, provider, body).status == 400
    assert post(webhook_shop, app, provider, body).status == 400
    ((kept, repeats, fault),) = stored(webhook_shop)
    assert (kept, repeats) == (body, 1)
    assert fault
    counts = request_counts(webhook_shop.connection)
    assert (counts.faulty, counts.undrained, counts.events) == (1, 0, 0)


def test_a_request_that_is_too_large_is_turned_away_while_it_is_read(webhook_shop: Shop, provider: Provider):
    app = app_of(webhook_shop)
    part = b" " * 65_536
    parts = [part] * (MOST_BYTES // len(part) + 1)
    headers = provider.headers(b"".join(parts), webhook_shop.now)
    # it never ends, and is not waited for
    assert ask(app, parts, headers, is_cut_off=True).status == 413
    assert stored(webhook_shop) == []


def test_the_largest_request_is_taken(webhook_shop: Shop, provider: Provider):
    body = body_of(event("open", webhook_shop.now))
    body += b" " * (MOST_BYTES - len(body))
    assert post(webhook_shop, app_of(webhook_shop), provider, body).status == 200


def test_a_request_that_breaks_off_leaves_nothing(webhook_shop: Shop, provider: Provider):
    app, body = app_of(webhook_shop), body_of(event("open", webhook_shop.now))
    headers = provider.headers(body, webhook_shop.now)
    assert ask(app, [body[:10]], headers, is_cut_off=True).status == 400
    assert stored(webhook_shop) == []
    assert refusals(webhook_shop, app) == {"cut_off": 1}


@pytest.mark.parametrize(
    ("changed", "method", "path", "status"),
    [
        ({}, "GET", PATH, 405),
        ({}, "PUT", PATH, 405),
        ({}, "POST", "/webhook", 404),
        # not sent on to an address that the request itself names
        ({"host": "elsewhere.example"}, "POST", f"{PATH}/", 404),
        ({"content-type": "text/plain"}, "POST", PATH, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, "POST", PATH, 415),
        ({"content-encoding": "gzip"}, "POST", PATH, 415),
        ({"content-type": "application/json; charset=utf-8"}, "POST", PATH, 200),
    ],
)
def test_only_plain_json_is_taken_and_only_by_post(
    webhook_shop: Shop, provider: Provider, changed: dict[str, str], method: str, path: str, status: int
):
    body = body_of(event("open", webhook_shop.now))
    headers = {**provider.headers(body, webhook_shop.now), **changed}
    assert ask(app_of(webhook_shop), body, headers, method=method, path=path).status == status


def test_without_a_key_the_provider_is_asked_to_come_again(webhook_shop: Shop, provider: Provider):
    body = body_of(event("open", webhook_shop.now))
    app = app_of(webhook_shop, sendgrid_webhook_key=())
    assert post(webhook_shop, app, provider, body).status == 503
    assert refusals(webhook_shop, app) == {"not_configured": 1}


def test_without_a_database_the_provider_is_asked_to_come_again(webhook_shop: Shop, provider: Provider):
    nowhere = SecretStr("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1")
    app, body = app_of(webhook_shop, database_url=nowhere), body_of(event("open", webhook_shop.now))
    assert post(webhook_shop, app, provider, body).status == 503
    assert ask(app, method="GET", path="/health").status == 503
    assert app.state.door.refusals == {("sendgrid", "not_stored"): 1}


def test_while_the_database_takes_nothing_the_provider_is_asked_to_come_again(
    webhook_shop: Shop, provider: Provider, monkeypatch: pytest.MonkeyPatch
):
    app, body = app_of(webhook_shop), body_of(event("open", webhook_shop.now))
    with monkeypatch.context() as read_only:
        read_only.setenv("PGOPTIONS", "-c default_transaction_read_only=on")
        assert post(webhook_shop, app, provider, body).status == 503
    assert post(webhook_shop, app, provider, body).status == 200
    assert stored(webhook_shop) == [(body, 0, None)]


def test_the_health_page_says_that_requests_can_be_stored(webhook_shop: Shop):
    answer = ask(app_of(webhook_shop), method="GET", path="/health")
    assert (answer.status, answer.body) == (200, b"ok")


def test_refusals_that_cannot_be_written_down_are_not_forgotten(webhook_shop: Shop):
    app = app_of(webhook_shop)
    ask(app, b"[]", {"content-type": "text/plain"})
    good = app.state.door.settings
    app.state.door.settings = good.model_copy(update={"database_url": SecretStr("postgresql://nobody@127.0.0.1:1/x")})
    with pytest.raises(Exception, match="cannot be reached"):
        asyncio.run(app.state.door.write_down())
    app.state.door.settings = good
    assert refusals(webhook_shop, app) == {"content_type": 1}


def test_refusals_are_counted_once_though_the_server_ends_while_they_are_written_down(
    webhook_shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    app = app_of(webhook_shop)
    ask(app, b"[]", {"content-type": "text/plain"})
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()
    in_thread = app.state.door.in_thread

    def slowly(work: Callable[[], None]) -> Any:
        def wait_in_between() -> None:
            begun.set()
            may_end.wait(LONG)
            work()
            ended.set()

        return in_thread(wait_in_between)

    async def end_in_the_middle() -> None:
        task = asyncio.create_task(app.state.door.write_down())
        await asyncio.to_thread(begun.wait, LONG)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        may_end.set()
        await asyncio.to_thread(ended.wait, LONG)

    with monkeypatch.context() as patch:
        patch.setattr(app.state.door, "in_thread", slowly)
        asyncio.run(end_in_the_middle())
    assert refusals(webhook_shop, app) == {"content_type": 1}


NAMES = [SIGNATURE_HEADER, TIMESTAMP_HEADER, "content-type", "content-encoding", "content-length", "x-forwarded-for"]
header_lists = st.lists(
    st.tuples(st.sampled_from(NAMES).map(lambda name: name.lower().encode()), st.binary(max_size=60)), max_size=6
)


@examples(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=100), max_size=3), header_lists, st.booleans(), st.booleans())
def test_whatever_is_posted_by_a_stranger_is_turned_away_and_nothing_is_kept(
    webhook_shop: Shop, body: list[bytes], headers: list[tuple[bytes, bytes]], is_json: bool, is_cut_off: bool
):
    given_headers = [(b"content-type", b"application/json"), *headers] if is_json else headers
    answer = ask(app_of(webhook_shop), body, given_headers, is_cut_off=is_cut_off)
    assert 400 <= answer.status < 500
    assert stored(webhook_shop) == []


@examples(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_whatever_the_provider_posts_is_kept(webhook_shop: Shop, provider: Provider, body: bytes):
    answer = post(webhook_shop, app_of(webhook_shop), provider, body)
    assert answer.status in (200, 400)
    assert (body,) in [(kept,) for kept, *_ in stored(webhook_shop)]

import json
import secrets
import socket
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import http_ece
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid
from pydantic import SecretStr

from ekiden.content.lengths import LONGEST_NOTIFICATION
from ekiden.delivery.channels.base import Outcome, ProviderBusy, ProviderStopped
from ekiden.delivery.channels.web_push import WebPushChannel, service_of
from ekiden.settings import Settings
from tests.integration.delivery.channels.provider import Provider, answer, messages_to, outcomes, provider, reset
from tests.loopback import free_port

NOW = datetime.now(UTC).replace(microsecond=0)  # who checks a signature looks at the real clock
SENT = answer(201, Location="https://push.invalid/m/1")


def encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


KEY = encoded(ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(32, "big"))


@dataclass(frozen=True)
class Browser:
    """A browser that subscribed."""

    endpoint: str
    private_key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    @property
    def subscription(self) -> str:
        point = self.private_key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        keys = {"p256dh": encoded(point), "auth": encoded(self.auth)}
        return json.dumps({"endpoint": self.endpoint, "expirationTime": None, "keys": keys})

    def shown(self, body: bytes) -> dict[str, str]:
        return json.loads(http_ece.decrypt(body, private_key=self.private_key, auth_secret=self.auth))


def browsers(server: Provider, number: int = 1) -> list[Browser]:
    return [Browser(f"{server.url}/push/{number}") for number in range(number)]


def channel(**changes: object) -> WebPushChannel:
    options = {"subject": "mailto:shop@shop.invalid", "services": ("127.0.0.1",), "clock": lambda: NOW}
    return WebPushChannel(SecretStr(KEY), **(options | {"read_seconds": 1.0} | changes))


def test_the_browser_is_handed_the_message_and_the_push_service_knows_us() -> None:
    with provider(SENT) as server:
        (browser,) = browsers(server)
        (delivery,) = channel(shop_url="https://shop.invalid/").deliver(messages_to(browser.subscription))
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/push/0")
    assert (request.headers["TTL"], request.headers["Content-Encoding"]) == ("86400", "aes128gcm")
    assert request.headers["Topic"] == "0" * 32
    assert browser.shown(request.body) == {
        "title": "件名",
        "body": "本文",
        "tag": str(UUID(int=0)),
        "url": "https://shop.invalid/",
    }
    authorization = request.headers["Authorization"]
    assert Vapid.verify(authorization)
    claims = json.loads(urlsafe_b64decode(authorization.split("t=")[1].split(".")[1] + "=="))
    assert claims == {
        "aud": server.url,
        "sub": "mailto:shop@shop.invalid",
        "exp": int((NOW + timedelta(hours=12)).timestamp()),
    }
    assert (delivery.outcome, delivery.provider_message_id) == (Outcome.accepted, "https://push.invalid/m/1")


ANSWERS = {
    "200": (answer(200), Outcome.accepted, "200"),
    "202": (answer(202), Outcome.accepted, "202"),
    "400": (answer(400, {"reason": "BadTopic"}), Outcome.refused, "BadTopic"),
    "404": (answer(404), Outcome.refused, "is gone"),
    "410": (answer(410), Outcome.refused, "is gone"),
    "413": (answer(413), Outcome.refused, "413"),
    "one browser of another key": (answer(403), Outcome.refused, "403"),
    "500": (answer(500), Outcome.unknown, "500"),
    "307": (answer(307, Location="http://127.0.0.1:9/"), Outcome.unknown, "307"),
    "reset": (reset, Outcome.unknown, "no readable answer"),
}


@pytest.mark.parametrize(("reply", "outcome", "said"), ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_has_the_documented_outcome_and_the_next_message_goes_on(
    reply: object, outcome: Outcome, said: str
) -> None:
    with provider(reply, SENT) as server:
        first, second = browsers(server, 2)
        deliveries = channel().deliver(messages_to(first.subscription, second.subscription))
    assert outcomes(deliveries) == [outcome, Outcome.accepted]
    assert said in deliveries[0].detail
    assert first.endpoint not in deliveries[0].detail
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [401, 403])
def test_the_line_stops_when_several_browsers_of_a_service_say_so_and_none_of_them_is_refused(status: int) -> None:
    with provider(SENT, answer(status)) as server, pytest.raises(ProviderStopped, match="VAPID") as stopped:
        channel().deliver(messages_to(*[each.subscription for each in browsers(server, 5)]))
    assert outcomes(stopped.value.deliveries) == [Outcome.accepted] + [Outcome.not_sent] * 4
    assert len(server.requests) == 4


def test_a_browser_that_is_accepted_in_between_says_that_our_key_is_right() -> None:
    with provider(answer(403), answer(403), SENT, answer(403)) as server:
        deliveries = channel().deliver(messages_to(*[each.subscription for each in browsers(server, 4)]))
    assert outcomes(deliveries) == [Outcome.refused, Outcome.refused, Outcome.accepted, Outcome.refused]


def test_a_limit_is_waited_for() -> None:
    with provider(answer(429, Retry_After="20")) as server, pytest.raises(ProviderBusy) as busy:
        channel().deliver(messages_to(*[each.subscription for each in browsers(server, 2)]))
    assert outcomes(busy.value.deliveries) == [Outcome.not_sent] * 2
    # it may be the limit of this one browser, who would otherwise be asked first the next time as well
    assert [each.costs_a_try for each in busy.value.deliveries] == [True, False]
    assert busy.value.until == NOW + timedelta(seconds=20)


def test_nobody_there_sent_nothing() -> None:
    browser = Browser(f"http://127.0.0.1:{free_port()}/push")
    with pytest.raises(ProviderBusy, match="no connection") as busy:
        channel().deliver(messages_to(browser.subscription))
    assert outcomes(busy.value.deliveries) == [Outcome.not_sent]


@pytest.fixture
def no_such_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of `.invalid` are nobody's, and nobody is asked for them."""
    usual = socket.getaddrinfo

    def find(host: str, *details: object, **named: object) -> object:
        if host.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return usual(host, *details, **named)

    monkeypatch.setattr(socket, "getaddrinfo", find)
    monkeypatch.setenv("no_proxy", "*")


@pytest.mark.usefixtures("no_such_hosts")
@pytest.mark.parametrize("host", ["nobody.push.invalid", "push.invalid"])
def test_a_subscription_to_a_host_that_is_not_there_keeps_nobody_else_waiting(host: str) -> None:
    made_up = [Browser(f"https://{host}/{number}").subscription for number in range(2)]
    with provider(SENT) as server:
        (browser,) = browsers(server)
        deliveries = channel(services=("push.invalid", "127.0.0.1")).deliver(
            messages_to(*made_up, browser.subscription)
        )
    assert outcomes(deliveries) == [Outcome.not_sent, Outcome.not_sent, Outcome.accepted]


@pytest.mark.usefixtures("no_such_hosts")
def test_where_no_host_at_all_is_found_our_own_line_is_down_and_no_message_pays_for_it() -> None:
    made_up = [Browser(f"https://{name}.push.invalid/x").subscription for name in ("a", "b")]
    with pytest.raises(ProviderBusy, match="no connection") as busy:
        channel(services=("push.invalid",)).deliver(messages_to(*made_up))
    assert outcomes(busy.value.deliveries) == [Outcome.not_sent] * 2
    assert busy.value.until == NOW + timedelta(minutes=1)


def test_an_answer_that_repeats_the_endpoint_far_behind_does_not_show_its_beginning() -> None:
    with provider(SENT) as server:
        endpoint = f"{server.url}/push/{'x' * 150}"
        server.answers = [answer(410, f"{'no ' * 40}{endpoint}".encode())]
        (delivery,) = channel().deliver(messages_to(Browser(endpoint).subscription))
    assert delivery.outcome is Outcome.refused
    assert "127.0.0.1:" not in delivery.detail
    assert "xxx" not in delivery.detail


@pytest.mark.parametrize("subject", ["ops@shop.invalid", "http://shop.invalid", "https://shop.invalid/contact"])
def test_a_subject_that_cannot_be_signed_is_noticed_before_the_first_message(subject: str) -> None:
    with pytest.raises(ValueError, match="EKIDEN_VAPID_SUBJECT"):
        channel(subject=subject)
    channel(subject="https://shop.invalid")


def test_a_notification_is_as_long_as_every_push_service_takes() -> None:
    with provider(SENT) as server:
        (browser,) = browsers(server)
        around = len(channel().payload(messages_to("", text="x")[0])) - 1
        text = "x" * (LONGEST_NOTIFICATION - around)
        (fits,) = channel().deliver(messages_to(browser.subscription, text=text))
        (too_long,) = channel().deliver(messages_to(browser.subscription, text=text + "x"))
    assert (fits.outcome, too_long.outcome) == (Outcome.accepted, Outcome.refused)
    assert len(server.requests[0].body) == 4_096
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/x",
        "https://fcm.googleapis.com:8443/x",
        "https://fcm.googleapis.com@127.0.0.1/x",
        "https://127.0.0.1\\@fcm.googleapis.com/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evilfcm.googleapis.com/x",
        "https://localhost/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://169.254.169.254/latest/meta-data",
        "http://10.0.0.1:80/x",
        "http://127.0.0.1:80/x",
        "file:///etc/passwd",
        "https://fcm.googleapis.com/x\r\nHost: evil",
        "https://fcm.googleapis.com/\N{FULLWIDTH SOLIDUS}",
        "",
    ],
)
def test_only_the_push_services_that_are_named_are_called(endpoint: str) -> None:
    services = Settings.model_fields["web_push_services"].default
    assert service_of(endpoint, services) is None
    (delivery,) = channel(services=services).deliver(messages_to(Browser(endpoint).subscription))
    assert delivery.outcome is Outcome.refused
    assert "EKIDEN_WEB_PUSH_SERVICES" in delivery.detail


def test_hosts_below_a_service_are_its_own() -> None:
    services = Settings.model_fields["web_push_services"].default
    assert service_of("https://fcm.googleapis.com/fcm/send/abc:def-_", services) == "fcm.googleapis.com"
    assert service_of("https://db5p.notify.windows.com/w/?token=a%2b%3d", services) == "notify.windows.com"
    assert service_of("https://web.push.apple.com/Q", services) == "push.apple.com"


def test_a_subscription_that_is_none_is_refused_and_asks_nobody() -> None:
    with provider(SENT) as server:
        (browser,) = browsers(server)
        off_the_curve = json.loads(browser.subscription)
        off_the_curve["keys"]["p256dh"] = encoded(b"\x04" + b"\x01" * 64)
        deliveries = channel().deliver(messages_to("", "[]", json.dumps(off_the_curve), browser.subscription))
    assert outcomes(deliveries) == [Outcome.refused] * 3 + [Outcome.accepted]
    assert len(server.requests) == 1


def test_the_key_is_base64url_or_pem_and_is_not_shown() -> None:
    pem = (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )
    WebPushChannel(SecretStr(pem), subject="mailto:a@b.invalid", services=())
    assert KEY not in repr(vars(channel()))
    assert channel().find([UUID(int=0)]) is None
    with pytest.raises(ValueError, match="EKIDEN_VAPID_PRIVATE_KEY") as wrong:
        WebPushChannel(SecretStr("not-a-key"), subject="mailto:a@b.invalid", services=())
    assert "not-a-key" not in str(wrong.value)

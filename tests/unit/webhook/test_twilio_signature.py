import pytest
from pydantic import SecretStr

from ekiden.webhook.twilio_signature import is_signed, signed_forms

# the vectors that the provider publishes: with its own client, and in its documents
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
TOKEN = "12345"
CALLED = {"CallSid": "CA1234567890ABCDE", "Digits": "1234", "To": "+18005551212"}
PUBLISHED = [
    ("+14158675309", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    ("+12349013030", "0/KCTR6DLpKmkAf8muzZqo1nDgQ="),
]


def signed(caller: str, signature: str, *, url: str = URL, token: str = TOKEN) -> bool:
    fields = list((CALLED | {"Caller": caller, "From": caller}).items())
    return is_signed(SecretStr(token), [url], fields, signature)


@pytest.mark.parametrize(("caller", "signature"), PUBLISHED)
def test_the_providers_published_vectors_are_authentic(caller: str, signature: str) -> None:
    assert signed(caller, signature)


def test_a_vector_with_anything_changed_is_not() -> None:
    caller, signature = PUBLISHED[0]
    assert not signed(caller + "1", signature)
    assert not signed(caller, signature.lower())
    assert not signed(caller, "署名")
    assert not signed(caller, "")
    assert not signed(caller, signature, url=URL + "3")
    assert not signed(caller, signature, token="54321")


@pytest.mark.parametrize(
    ("called", "others"),
    [
        ("https://mail.shop.example/a", {"https://mail.shop.example:443/a"}),
        ("https://mail.shop.example:443/a", {"https://mail.shop.example/a"}),
        ("https://mail.shop.example:8443/a", {"https://mail.shop.example/a"}),
        ("http://mail.shop.example/a", {"http://mail.shop.example:80/a"}),
        ("HTTPS://Mail.shop.example:/a", {"HTTPS://Mail.shop.example/a", "HTTPS://Mail.shop.example:443/a"}),
        ("https://name:1234@mail.shop.example/a", {"https://name:1234@mail.shop.example:443/a"}),
        ("https://[2001:db8::1]:8443/a", {"https://[2001:db8::1]/a"}),
        ("https://mail.shop.example", {"https://mail.shop.example:443"}),
    ],
)
def test_an_address_may_be_signed_with_its_port_or_without(called: str, others: set[str]) -> None:
    assert signed_forms(called) == {called, *others}
    behind = "#rc=5&rp=all"
    assert signed_forms(called + behind) == {called, *others} | {each + behind for each in (called, *others)}


@pytest.mark.parametrize("called", ["", "mail.shop.example/a", "https://", "https://[::1/a", "ftp://shop.example/a"])
def test_what_is_no_web_address_can_only_be_signed_as_it_stands(called: str) -> None:
    assert called in signed_forms(called)

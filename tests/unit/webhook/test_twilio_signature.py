import pytest
from pydantic import SecretStr

from ekiden.webhook.twilio_signature import is_signed

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

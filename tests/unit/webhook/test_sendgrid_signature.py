import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from ekiden.webhook.sendgrid_signature import KeyUnreadable, is_signed, is_stale, read_keys, signed_at

# the vector that the provider publishes with its own client
PUBLISHED_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6w"
    "EA3F+g=="
)
OTHER_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqTxd43gyp8IOEto2LdIfjRQrIbsd4SXZkLW6jDutdhXSJCWHw8REntlo7aNDthvj+y7GjUuFDb/R1NGe"
    "1OPzpA=="
)
PUBLISHED_SIGNATURE = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
PUBLISHED_TIMESTAMP = "1600112502"
PUBLISHED_BODY = (
    b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
    b'"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
    b'"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
    b'"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n'
)

PRIVATE = ec.generate_private_key(ec.SECP256R1())
KEYS = read_keys(
    [base64.b64encode(PRIVATE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()]
)


def signature(timestamp: str, body: bytes) -> str:
    return base64.b64encode(PRIVATE.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))).decode()


def test_the_providers_published_vector_is_authentic():
    assert is_signed(read_keys([PUBLISHED_KEY]), PUBLISHED_SIGNATURE, PUBLISHED_TIMESTAMP, PUBLISHED_BODY)


@pytest.mark.parametrize(
    ("key", "given_signature", "timestamp", "body"),
    [
        (OTHER_KEY, PUBLISHED_SIGNATURE, PUBLISHED_TIMESTAMP, PUBLISHED_BODY),
        (PUBLISHED_KEY, PUBLISHED_SIGNATURE, PUBLISHED_TIMESTAMP, PUBLISHED_BODY.rstrip()),
        (PUBLISHED_KEY, PUBLISHED_SIGNATURE, PUBLISHED_TIMESTAMP, b"payload"),
        (PUBLISHED_KEY, PUBLISHED_SIGNATURE, "1600112503", PUBLISHED_BODY),
        (PUBLISHED_KEY, PUBLISHED_SIGNATURE, "timestamp", PUBLISHED_BODY),
        (PUBLISHED_KEY, "MEUCIQCtIHJeH93Y", PUBLISHED_TIMESTAMP, PUBLISHED_BODY),
        (PUBLISHED_KEY, "署名", PUBLISHED_TIMESTAMP, PUBLISHED_BODY),
        (PUBLISHED_KEY, None, PUBLISHED_TIMESTAMP, PUBLISHED_BODY),
        (PUBLISHED_KEY, PUBLISHED_SIGNATURE, None, PUBLISHED_BODY),
    ],
)
def test_a_vector_with_anything_changed_is_not(
    key: str, given_signature: str | None, timestamp: str | None, body: bytes
):
    assert not is_signed(read_keys([key]), given_signature, timestamp, body)


# also such as get as far as the key: plain seconds, and base64 of no signature at all or of one that nobody made
numbers = st.integers(min_value=0, max_value=2**256 - 1)
made_up = st.binary(max_size=80) | st.builds(encode_dss_signature, numbers, numbers)


@given(
    st.text() | made_up.map(lambda raw: base64.b64encode(raw).decode()),
    st.text() | st.just(PUBLISHED_TIMESTAMP),
    st.binary(max_size=50),
)
def test_whatever_the_headers_say_the_answer_is_no(given_signature: str, timestamp: str, body: bytes):
    assert not is_signed(KEYS, given_signature, timestamp, body)


@given(st.binary(max_size=50), st.integers(min_value=0, max_value=49), st.integers(min_value=1, max_value=255))
def test_one_changed_byte_breaks_a_signature(body: bytes, place: int, change: int):
    signed = signature("1600112502", body)
    assert is_signed(KEYS, signed, "1600112502", body)
    if place < len(body):
        changed = body[:place] + bytes([body[place] ^ change]) + body[place + 1 :]
        assert not is_signed(KEYS, signed, "1600112502", changed)


def test_any_of_several_keys_will_do_also_in_the_frame_of_a_pem_file():
    frame = f"-----BEGIN PUBLIC KEY-----\n{PUBLISHED_KEY}\n-----END PUBLIC KEY-----\n"
    assert is_signed(read_keys([OTHER_KEY, frame]), PUBLISHED_SIGNATURE, PUBLISHED_TIMESTAMP, PUBLISHED_BODY)


def test_without_keys_nothing_is_authentic():
    assert not is_signed((), PUBLISHED_SIGNATURE, PUBLISHED_TIMESTAMP, PUBLISHED_BODY)


def public(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SG.secret",
        "MFkwAAAAAAAA",
        public(ec.generate_private_key(ec.SECP384R1())),
        public(rsa.generate_private_key(65537, 2048)),
    ],
)
def test_what_is_no_key_of_the_provider_is_named_without_being_shown(text: str):
    with pytest.raises(KeyUnreadable, match="key 2 is no verification key") as refused:
        read_keys([PUBLISHED_KEY, text])
    assert not text or text not in str(refused.value)


NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("signed", "stale"),
    [
        (timedelta(), False),
        (timedelta(hours=-25), False),
        (timedelta(hours=-25, seconds=-1), True),
        (timedelta(minutes=5), False),
        (timedelta(minutes=5, seconds=1), True),
    ],
)
def test_a_request_is_stale_beyond_its_age_or_ahead_of_the_clock(signed: timedelta, stale: bool):
    assert is_stale(NOW + signed, now=NOW, max_age=timedelta(hours=25)) is stale


@pytest.mark.parametrize("text", ["", "-1", "1e9", " 1600112502", "１６００１１２５０２", "160011250299999"])
def test_a_timestamp_is_whole_seconds_in_plain_digits(text: str):
    assert signed_at(text) is None

"""Unsubscribe tokens: what we signed is read back, and nothing else is; the secret is made once."""

import string
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from ekiden.delivery.consent.unsubscribe_tokens import (
    SecretUnusable,
    links_for,
    message_of,
    signer_for,
    signer_of,
    token_of,
)
from ekiden.settings import Settings

secrets = st.lists(st.text(string.hexdigits, min_size=32, max_size=64), min_size=1, max_size=4, unique=True)
MESSAGE = UUID("1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed")
SIGNER = signer_of(["0" * 32])


@given(message=st.uuids(), keys=secrets)
def test_a_token_is_read_back_and_needs_no_quoting(message: UUID, keys: list[str]):
    token = token_of(signer_of(keys), message)
    assert message_of(signer_of(keys), token) == message
    assert quote(token, safe="") == token
    assert str(message) not in token


@given(message=st.uuids(), old=secrets, new=secrets)
def test_an_older_secret_still_verifies_and_a_forgotten_one_does_not(message: UUID, old: list[str], new: list[str]):
    token = token_of(signer_of(old), message)
    rotated = [*new, *(secret for secret in old if secret not in new)]
    assert message_of(signer_of(rotated), token) == message
    if old[0] not in new:
        assert message_of(signer_of(new), token) is None


@given(message=st.uuids(), place=st.integers(0, 200), character=st.sampled_from(string.ascii_letters + "-_.=%/ \x00"))
def test_a_token_with_one_other_character_is_none(message: UUID, place: int, character: str):
    token = token_of(SIGNER, message)
    place %= len(token)
    changed = token[:place] + character + token[place + 1 :]
    # the last character of base64 has bits that say nothing
    found = message_of(SIGNER, changed)
    assert found is None or (found == message and (changed == token or place == len(token) - 1))


@given(st.one_of(st.text(), st.uuids().map(str), st.binary().map(lambda given: given.decode("latin-1"))))
def test_whatever_else_is_no_token(text: str):
    assert message_of(SIGNER, text) is None


def test_the_secret_is_made_once_for_all_processes_and_nobody_else_may_read_it(tmp_path: Path):
    settings = Settings(home=tmp_path / "home")
    with ThreadPoolExecutor(8) as threads:
        tokens = set(threads.map(lambda _: token_of(signer_for(settings), MESSAGE), range(16)))
    assert len(tokens) == 1
    assert settings.unsubscribe_secret_file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in settings.home.iterdir()] == ["unsubscribe-secret"]


@pytest.mark.parametrize("held", [b"", b"\n \n", b"short\n", "あ".encode() * 11, "あ".encode("cp932") * 32])
def test_a_damaged_secret_file_is_said_and_never_replaced(tmp_path: Path, held: bytes):
    settings = Settings(home=tmp_path)
    settings.unsubscribe_secret_file.write_bytes(held)
    with pytest.raises(SecretUnusable, match="Restore it"):
        signer_for(settings)
    assert settings.unsubscribe_secret_file.read_bytes() == held


def test_two_secrets_in_japanese_sign_differently_and_as_the_setting_would(tmp_path: Path):
    settings = Settings(home=tmp_path)
    tokens = []
    for secret in ("あ" * 32, "い" * 32):
        settings.unsubscribe_secret_file.write_text(secret, encoding="utf-8")
        tokens.append(token_of(signer_for(settings), MESSAGE))
        assert tokens[-1] == token_of(signer_of([secret]), MESSAGE)
    assert len(set(tokens)) == 2


def test_a_line_on_top_of_the_file_is_the_new_secret(tmp_path: Path):
    settings = Settings(home=tmp_path)
    token = token_of(signer_for(settings), MESSAGE)
    file = settings.unsubscribe_secret_file
    file.write_text("f" * 64 + "\n" + file.read_text())
    assert message_of(signer_for(settings), token) == MESSAGE
    assert token_of(signer_for(settings), MESSAGE) != token


def test_secrets_of_the_settings_are_used_first_to_last_and_make_no_file(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("EKIDEN_UNSUBSCRIBE_SECRET", f"{'n' * 32}, {'o' * 32}")
    settings = Settings(home=tmp_path)
    assert token_of(signer_for(settings), MESSAGE) == token_of(signer_of(["n" * 32]), MESSAGE)
    assert message_of(signer_for(settings), token_of(signer_of(["o" * 32]), MESSAGE)) == MESSAGE
    assert list(tmp_path.iterdir()) == []


def test_a_weak_secret_is_refused_without_being_shown(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("EKIDEN_UNSUBSCRIBE_SECRET", "hunter2")
    with pytest.raises(ValidationError) as refused:
        Settings(home=tmp_path)
    assert "hunter2" not in str(refused.value)


def test_links_are_signed_as_soon_as_they_lead_somewhere(tmp_path: Path):
    nowhere = Settings(home=tmp_path)
    assert links_for(nowhere).link(MESSAGE) == f"https://ekiden.invalid/unsubscribe/{MESSAGE}"
    assert list(tmp_path.iterdir()) == []
    there = Settings(
        home=tmp_path,
        unsubscribe_url="https://mail.shop.example/unsubscribe/",
        unsubscribe_secret=(SecretStr("n" * 32),),
    )
    expected = token_of(signer_of(["n" * 32]), MESSAGE)
    assert links_for(there).link(MESSAGE) == f"https://mail.shop.example/unsubscribe/{expected}"

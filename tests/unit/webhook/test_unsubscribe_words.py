"""In which language the unsubscribe pages speak."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiden.webhook.unsubscribe_words import ENGLISH, JAPANESE, words_for


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", JAPANESE),
        ("ja,en-US;q=0.7", JAPANESE),
        ("en-GB,en;q=0.9,ja;q=0.8", ENGLISH),
        ("en;q=0.5, ja-JP;q=0.9", JAPANESE),
        ("fr", JAPANESE),
        ("en;q=0", JAPANESE),
        ("en;q=oops, *", JAPANESE),
    ],
)
def test_english_where_it_is_preferred_and_japanese_else(header: str, words):
    assert words_for(header) is words


@given(st.text())
def test_any_header_has_an_answer(header: str):
    assert words_for(header) in (JAPANESE, ENGLISH)

"""What a statement finds in an array that `as_array` has written."""

import psycopg
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ekiden.database.arrays import as_array

# neither NUL nor half a character is text for PostgreSQL
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@settings(max_examples=20)
@given(texts=st.lists(st.none() | TEXTS))
@example(
    texts=["", "null", "NULL", None, " a ", "{1,2}", '"', "\\", '\\"', "a\nb\tc", "''", "山田　花子😀", "\x1f", "%s"]
)
def test_any_text_arrives_as_it_is_and_none_as_a_null(server_url: str, texts: list[str | None]) -> None:
    with psycopg.connect(server_url) as connection:
        found = connection.execute("select %s::text[]", [as_array(texts)]).fetchone()
    assert found == (texts,)


def test_numbers_arrive_as_numbers(server_url: str) -> None:
    with psycopg.connect(server_url) as connection:
        found = connection.execute("select %s::bigint[], 2 = any(%s)", [as_array([1, -(2**63)]), as_array([])])
        assert found.fetchone() == ([1, -(2**63)], False)

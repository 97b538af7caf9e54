"""JSON as providers write it, with what JSON allows and no database takes. Pure.

Does not belong here: what an answer or an event says.
"""

import re
from typing import Any

import orjson

# a pair of surrogates, one of them alone, or any other escape, which is matched so that none begins within it
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def read_json(body: bytes) -> Any:
    """Return what a body holds; raises `orjson.JSONDecodeError`.

    Half a character, which JSON allows (RFC 8259, section 8.2) and a text that was cut may end with, is read as the
    sign for what cannot be read: for one such text, all else in a body must not be lost.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return orjson.loads(_ESCAPE.sub(_whole, body))


def _whole(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape["half"] else escape[0]

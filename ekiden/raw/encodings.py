"""Which encoding a file of text is in, by all of its bytes, and the fingerprint of those bytes.

Belongs here: looking at bytes. Does not belong here: what is in the file (`csv_source`).
"""

import codecs
import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

BLOCK_BYTES = 1 << 20
"""A megabyte at a time: a list of a million people is some twenty of them."""


class Encoding(StrEnum):
    """The encodings that spreadsheets write; Shift_JIS is read as CP932, which is what Excel means by it."""

    AUTO = "auto"
    UTF_8 = "utf-8"
    CP932 = "cp932"


NO_CHARACTERS = frozenset("\x80\uf8f0\uf8f1\uf8f2\uf8f3")
"""What Python makes of the bytes 80, A0, FD, FE and FF in CP932, which no spreadsheet writes."""

_UTF_16 = "is UTF-16; save it as CSV UTF-8, or make it that by `iconv -f UTF-16 -t UTF-8`"

NOT_TEXT = {
    codecs.BOM_UTF16_LE: _UTF_16,
    codecs.BOM_UTF16_BE: _UTF_16,
    b"\x1f\x8b": "is packed by gzip; unpack it",
    b"PK\x03\x04": "is a zip file, as Excel's workbooks are; unpack it, or save the sheet as CSV UTF-8",
}
"""What a file is that begins so; its lines would only be called bad one by one."""


@dataclass(frozen=True)
class Bytes:
    """What a file's bytes tell; nothing is `possible` where one of them is NUL."""

    possible: tuple[Encoding, ...]
    sha256: str

    @property
    def encoding(self) -> Encoding:
        """UTF-8 wherever all of the file is UTF-8, or where nothing fits; CP932 where only that does.

        Japanese text in CP932 is not UTF-8 by accident, but where all of it is a few half-width katakana.
        """
        return self.possible[0] if self.possible else Encoding.UTF_8


def look_at(path: Path) -> Bytes:
    """Return what a file's bytes tell."""
    digest = hashlib.sha256()
    decoders = {name: codecs.getincrementaldecoder(name)() for name in (Encoding.UTF_8, Encoding.CP932)}
    has_nul, start = False, b""
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            start = start or block[:3]
            digest.update(block)
            has_nul = has_nul or b"\0" in block
            decoders = {name: decoder for name, decoder in decoders.items() if _decodes(name, decoder, block)}
    possible = [name for name, decoder in decoders.items() if _decodes(name, decoder, b"", final=True)]
    if start == codecs.BOM_UTF8:
        possible = [name for name in possible if name is Encoding.UTF_8]
    return Bytes(() if has_nul else tuple(possible), digest.hexdigest())


def why_no_text(start: bytes) -> str | None:
    """Return what a file is by its first bytes, and what to do, where it is none that is read by lines."""
    return next((reason for mark, reason in NOT_TEXT.items() if start.startswith(mark)), None)


def _decodes(name: Encoding, decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        text = decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return name is not Encoding.CP932 or NO_CHARACTERS.isdisjoint(text)

"""Reading the files of a content: where they lie, how the head of the text file is written.

Does not belong here: what the templates in the files mean.
"""

import re
from dataclasses import dataclass
from errno import ENAMETOOLONG
from pathlib import Path

from ekiden.content.faults import ContentFault

LAYOUT_FOLDER = "layout"
SHORT_CHANNELS = ("line", "sms", "web_push")
"""Channels that carry text alone, within a provider's length, so each has a layout of its own without the mail's."""
NOTICE_FOLDER = "admin_notice"
"""What the shop's administrator reads; not a customer's message."""
MOBILE = ".mobile"
"""Ends the name of a content's variant for mobile carriers' addresses."""
_NAME = re.compile(rf"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*(?:{re.escape(MOBILE)})?")
_LANGUAGE = re.compile(r"[a-z]{2}")
# No mail program shows them, and one of them separates values (`holes.py`). Tabs and line breaks are allowed.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_HEAD_FIELDS = ("Subject", "Preheader", "Language")


@dataclass(frozen=True)
class Source:
    """One template text, and where its first line stands in its file."""

    path: Path
    text: str
    first_line: int = 1


@dataclass(frozen=True)
class StepSources:
    """All files that one step's content is made of; equal sources compile to equal contents."""

    name: str
    short_channel: str | None
    """The channel whose layout stands around the text; None: mail."""
    language: str
    subject: Source
    preheader: Source
    text: Source
    text_layout: Source
    html: Source | None
    html_layout: Source | None


def content_names(folder: Path) -> tuple[str, ...]:
    """Return the names of all contents in `folder`, sorted, without variants: `("cross_sell/step_1", ...)`."""
    files = (*folder.glob("*/*.txt"), *folder.glob("*/*.mjml"))
    others = (LAYOUT_FOLDER, NOTICE_FOLDER)
    names = {f"{file.parent.name}/{file.stem.removesuffix(MOBILE)}" for file in files if file.parent.name not in others}
    return tuple(sorted(names))


def mobile_variant(folder: Path, name: str) -> str | None:
    """Return the name of content `name`'s variant for mobile carriers' addresses, None where it has none."""
    variant = name + MOBILE
    if not _NAME.fullmatch(variant):
        return None
    files = (folder / f"{variant}.txt", folder / f"{variant}.mjml")
    return variant if any(map(_is_there, files)) else None


def read_sources(folder: Path, name: str, channel: str = "html_email") -> StepSources:
    """Return the files of content `name` ("<scenario>/step_<number>") for a step's channel; raise `ContentFault`."""
    if not _NAME.fullmatch(name):
        raise ContentFault(folder, None, f"{name!r} is not a content's name; write it like 'cross_sell/step_1'")
    text_path = folder / f"{name}.txt"
    html_path = folder / f"{name}.mjml"
    if not _is_there(text_path):
        raise ContentFault(text_path, None, _missing_text(folder))
    head, text = _split_head(text_path, _read(text_path))
    language = _language(text_path, head.get("Language"))
    layout = folder / LAYOUT_FOLDER / language
    short_channel = channel if channel in SHORT_CHANNELS else None
    text_layout = layout.with_suffix(f".{short_channel}.txt" if short_channel else ".txt")
    way_out = f"write this layout, or choose a Language in {text_path} that has one"
    html = _whole_file(html_path) if _is_there(html_path) and not short_channel else None
    return StepSources(
        name=name,
        short_channel=short_channel,
        language=language,
        subject=_subject(text_path, head),
        preheader=head.get("Preheader", Source(text_path, "")),
        text=text,
        text_layout=_layout_file(text_layout, way_out),
        html=html,
        html_layout=_layout_file(layout.with_suffix(".mjml"), way_out) if html else None,
    )


def read_notice(folder: Path, language: str) -> tuple[Source, Source]:
    """Return subject and text of the administrator's notice in a language; raise `ContentFault`."""
    path = folder / NOTICE_FOLDER / f"{language}.txt"
    if not _is_there(path):
        raise ContentFault(path, None, "there is no such file; write it, or set EKIDEN_ADMIN_NOTICE_LANGUAGE")
    head, text = _split_head(path, _read(path))
    return _subject(path, head), text


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        # no file has so long a name; of anything else tells whoever reads it
        return error.errno != ENAMETOOLONG


def _missing_text(folder: Path) -> str:
    known = ", ".join(content_names(folder)) or "none"
    return f"there is no such file; a content needs its text part. Contents that exist: {known}"


def _layout_file(path: Path, way_out: str) -> Source:
    if not _is_there(path):
        raise ContentFault(path, None, f"there is no such file; {way_out}")
    return _whole_file(path)


def _whole_file(path: Path) -> Source:
    return Source(path, _read(path))


def _read(path: Path) -> str:
    try:
        # a pipe is read until somebody writes to it, and a device for ever
        if not path.is_file() and not path.is_dir():
            raise ContentFault(path, None, "this is no ordinary file; write one in its place")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ContentFault(path, line, "this is not UTF-8 text; save the file as UTF-8") from None
    except OSError as error:
        raise ContentFault(path, None, f"it cannot be read ({error.strerror}); see to its permissions") from None
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        code = f"U+{ord(found[0]):04X}"
        raise ContentFault(path, line, f"there is an invisible control character ({code}); remove it")
    return text


def _split_head(path: Path, text: str) -> tuple[dict[str, Source], Source]:
    """Return the head's fields and the body; the head ends at the first empty line, as in a mail."""
    head: dict[str, Source] = {}
    lines = text.split("\n")
    missing = "the text is missing; write it after the head and one empty line"
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            text = "\n".join(lines[number:])
            if not text.strip():
                raise ContentFault(path, number, missing)
            return head, Source(path, text, number + 1)
        field, colon, value = line.partition(":")
        if not colon or field not in _HEAD_FIELDS:
            expected = ", ".join(f"'{known}: ...'" for known in _HEAD_FIELDS)
            raise ContentFault(path, number, f"expected {expected} or the empty line that ends the head")
        if field in head:
            raise ContentFault(path, number, f"{field} stands here a second time; keep one")
        head[field] = Source(path, value.strip(), number)
    raise ContentFault(path, len(lines), missing)


def _subject(path: Path, head: dict[str, Source]) -> Source:
    subject = head.get("Subject")
    if subject is None or not subject.text:
        raise ContentFault(path, subject.first_line if subject else 1, "a subject is needed: 'Subject: ...'")
    return subject


def _language(path: Path, language: Source | None) -> str:
    if language is None:
        raise ContentFault(path, 1, "the language is missing; write 'Language: en' or 'Language: ja'")
    if not _LANGUAGE.fullmatch(language.text):
        way_out = "write its two letters of ISO 639-1, like 'Language: ja'"
        raise ContentFault(path, language.first_line, f"{language.text!r} is not a language; {way_out}")
    return language.text

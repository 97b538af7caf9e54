"""Reading the files of a content: where they lie, how the head of the text file is written.

Does not belong here: what the templates in the files mean.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from ekiden.content.faults import ContentFault

LAYOUT_FOLDER = "layout"
_NAME = re.compile(r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*")
_LANGUAGE = re.compile(r"[a-z]{2}")
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
    language: str
    subject: Source
    preheader: Source
    text: Source
    text_layout: Source
    html: Source | None
    html_layout: Source | None


def content_names(folder: Path) -> tuple[str, ...]:
    """Return the names of all contents in `folder`, sorted: `("cross_sell/step_1", ...)`."""
    files = (*folder.glob("*/*.txt"), *folder.glob("*/*.mjml"))
    names = {f"{file.parent.name}/{file.stem}" for file in files if file.parent.name != LAYOUT_FOLDER}
    return tuple(sorted(names))


def read_sources(folder: Path, name: str) -> StepSources:
    """Return the files of content `name` ("<scenario>/step_<number>"); raise `ContentFault`."""
    if not _NAME.fullmatch(name):
        raise ContentFault(folder, None, f"{name!r} is not a content's name; write it like 'cross_sell/step_1'")
    text_path = folder / f"{name}.txt"
    html_path = folder / f"{name}.mjml"
    if not text_path.exists():
        raise ContentFault(text_path, None, _missing_text(folder, name))
    head, text = _split_head(text_path, _read(text_path))
    language = _language(text_path, head.get("Language"))
    layout = folder / LAYOUT_FOLDER / language
    way_out = f"write this layout, or choose a Language in {text_path} that has one"
    html = _whole_file(html_path) if html_path.exists() else None
    return StepSources(
        name=name,
        language=language,
        subject=_subject(text_path, head),
        preheader=head.get("Preheader", Source(text_path, "")),
        text=text,
        text_layout=_layout_file(layout.with_suffix(".txt"), way_out),
        html=html,
        html_layout=_layout_file(layout.with_suffix(".mjml"), way_out) if html else None,
    )


def _missing_text(folder: Path, name: str) -> str:
    known = ", ".join(content_names(folder)) or "none"
    return f"there is no such file; a content needs its text part. Contents that exist: {known}"


def _layout_file(path: Path, way_out: str) -> Source:
    if not path.exists():
        raise ContentFault(path, None, f"there is no such file; {way_out}")
    return _whole_file(path)


def _whole_file(path: Path) -> Source:
    return Source(path, _read(path))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ContentFault(path, line, "this is not UTF-8 text; save the file as UTF-8") from None


def _split_head(path: Path, text: str) -> tuple[dict[str, Source], Source]:
    """Return the head's fields and the body; the head ends at the first empty line, as in a mail."""
    head: dict[str, Source] = {}
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            return head, Source(path, "\n".join(lines[number:]), number + 1)
        field, colon, value = line.partition(":")
        if not colon or field not in _HEAD_FIELDS:
            expected = ", ".join(f"'{known}: ...'" for known in _HEAD_FIELDS)
            raise ContentFault(path, number, f"expected {expected} or the empty line that ends the head")
        if field in head:
            raise ContentFault(path, number, f"{field} stands here a second time; keep one")
        head[field] = Source(path, value.strip(), number)
    raise ContentFault(path, len(lines), "the text is missing; write it after the head and one empty line")


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

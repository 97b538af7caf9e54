"""What is wrong with a file's YAML, said to whoever wrote it: the place as editors count, and the way out.

Belongs here: places, faults, and what the parser's own words lack. Does not belong here: reading (`document`,
`yaml_reader`), and what is wrong with a definition (`faults`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml
from yaml.nodes import Node

from ekiden.scenarios.faults import Location, shown

WAY_OUT = (
    "look at this line and the one above: indent like beside like, close every quote and bracket,"
    " and put a text that holds ': ' or ' #' in quotes"
)
"""What to do about text that is no YAML: what the parser says is true, and helps nobody who does not know it."""

LOOKALIKES = {
    **{"：": ":", "，": ",", "－": "-", "＃": "#", "［": "[", "］": "]", "｛": "{", "｝": "}"},
    **{"“": '"', "”": '"', "‘": "'", "’": "'", "\u3000": " ", "\u00a0": " "},
}
"""Characters that an input method or a word processor puts in place of those that YAML knows."""


@dataclass(frozen=True, order=True)
class Position:
    """A place in a file, as editors count: line and column from 1."""

    line: int
    column: int


START = Position(1, 1)


@dataclass(frozen=True)
class DocumentFault:
    """What is wrong with a file before its meaning is looked at."""

    rule: str
    position: Position
    message: str
    location: Location = ()
    stops_dbt: bool = True
    """Whether dbt cannot read the file either; it then cannot read the project."""


class Unreadable(Exception):
    """Nothing of a file can be read."""

    def __init__(self, rule: str, position: Position, message: str) -> None:
        super().__init__(message)
        self.rule, self.position, self.message = rule, position, message


def not_yaml(error: yaml.YAMLError | ValueError, text: str) -> Unreadable:
    """Return what the parser said of a text, with its place and what to do about it."""
    if isinstance(error, yaml.MarkedYAMLError):
        return Unreadable("not_yaml", _within(text, _marked(error)), _said(error, text))
    if isinstance(error, yaml.reader.ReaderError):
        message = f"character {error.character!r} is not allowed here; take it out"
        return Unreadable("not_yaml", _at(text, error.position), message)
    return Unreadable("not_yaml", START, f"{shown(str(error))}; {WAY_OUT}")


def start_of(node: Node) -> Position:
    """Return where a node begins."""
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


def _said(error: yaml.MarkedYAMLError, text: str) -> str:
    line, column = _marked(error).line - 1, _marked(error).column - 1
    lines = text.split("\n")
    if line < len(lines) and "\t" in lines[line][: column + 1]:
        return "a tab cannot indent YAML; use spaces"
    said = " ".join(part for part in (error.context, error.problem) if part)
    return f"this is not YAML: {said}; {''.join(_lookalikes(lines, line))}{WAY_OUT}"


def _lookalikes(lines: Sequence[str], line: int) -> Iterator[str]:
    """Yield what a writer may have taken for a character of YAML's in a line, from 0, or in the one above."""
    for number in range(max(line - 1, 0), min(line + 1, len(lines))):
        if found := next((each for each in lines[number] if each in LOOKALIKES), None):
            yield f"perhaps the {found!r} of line {number + 1} is meant to be {LOOKALIKES[found]!r}; "


def _within(text: str, position: Position) -> Position:
    """Return the position, or the end of the text where it lies behind that: the C library counts one line more."""
    lines = text.rstrip("\n").split("\n")
    return position if position.line <= len(lines) else Position(len(lines), len(lines[-1]) + 1)


def _marked(error: yaml.MarkedYAMLError) -> Position:
    mark = error.problem_mark or error.context_mark
    return Position(mark.line + 1, mark.column + 1) if mark is not None else START


def _at(text: str, index: int) -> Position:
    before = text[:index]
    return Position(before.count("\n") + 1, index - before.rfind("\n"))

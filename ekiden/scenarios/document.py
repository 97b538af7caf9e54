"""A YAML file with the place of everything in it.

Belongs here: reading YAML as dbt does, but with every fault told, and with positions. Does not belong here: what the
file means (`source`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from math import isfinite
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ekiden.scenarios import integers
from ekiden.scenarios.faults import Location, shown

MAX_DEPTH = 50
"""Mappings and lists within each other; a definition needs a dozen, and the parser itself breaks at some thousands."""

MAX_VALUES = 100_000
"""Values after aliases are followed; the longest possible definition has some thousands, a trap has millions."""

MAX_BYTES = 500_000
"""Of a file; the longest possible definition has less than half of it, and reading megabytes takes minutes."""

TEMPLATE = "template_in_definition"
"""The rule that a file holds no Jinja."""

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

NOT_DECIMAL = "not_decimal"
"""The rule that a number of a definition is the one that people read, and a value of the shop's own fields the text."""

_TEMPLATE_MARK = re.compile(r"\{[{%#]")

PLAIN_TAGS: Mapping[type[Node], str] = {
    MappingNode: "tag:yaml.org,2002:map",
    SequenceNode: "tag:yaml.org,2002:seq",
}
"""What a mapping and a list are unless a tag says otherwise."""

MERGE = "tag:yaml.org,2002:merge"
"""The tag of the key `<<`, which stands for what another mapping holds; in quotes it is a word like others."""

# the same as dbt's; without the C library the slower one, which reads the same
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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


@dataclass(frozen=True)
class Document:
    """A file's value, as far as it could be read; None where nothing could."""

    value: Any
    faults: tuple[DocumentFault, ...]
    root: Node | None = field(default=None, repr=False)

    def position(self, location: Location, *, of_key: bool = False) -> Position:
        """Return where a place stands in the file; for what is missing, where it belongs.

        `of_key`: of a mapping's key rather than of its value.
        """
        node, found = self.root, START if self.root is None else _start(self.root)
        for depth, part in enumerate(location):
            pair = _child(node, part) if node is not None else None
            if pair is None:
                return found
            key, node = pair
            found = _start(key) if of_key and depth == len(location) - 1 else _start(node)
            if isinstance(node, ScalarNode) and not node.value:
                # nothing stands there: the key is what the writer sees
                found = _start(key)
        return found


def read_document(path: Path) -> Document:
    """Return a file's value and every fault of its YAML; never raises for what is in the file."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        message = f"the file cannot be read: {error.strerror or error}"
        return Document(None, (DocumentFault("unreadable_file", START, message),))
    return document_of(raw)


def document_of(raw: bytes, location: Location = ()) -> Document:
    """Return a file's value and every fault of its YAML, from what the file holds; never raises for it.

    Faults are told as if all of it stood at `location` of a file.
    """
    try:
        nodes = _nodes(raw)
    except _Unreadable as error:
        return Document(None, (DocumentFault(error.rule, error.position, error.message),))
    if not nodes:
        return Document(None, ())
    reader = _Reader()
    value = reader.value(nodes[0], location)
    return Document(value, tuple(reader.faults), nodes[0])


def template_mark(text: str) -> str | None:
    """Return the first mark in a text with which Jinja begins; None where dbt leaves the text as it is."""
    found = _TEMPLATE_MARK.search(text)
    return found.group() if found else None


class _Unreadable(Exception):
    def __init__(self, rule: str, position: Position, message: str) -> None:
        super().__init__(message)
        self.rule, self.position, self.message = rule, position, message


def _nodes(raw: bytes) -> list[Node]:
    """Return the file's documents, at most one; raises `_Unreadable`."""
    if len(raw) > MAX_BYTES:
        message = f"the file has {len(raw):,} bytes, too many for scenarios; there are at most {MAX_BYTES:,}"
        raise _Unreadable("too_large", START, message)
    text = _text(raw)
    try:
        _refuse_depth(text)
        nodes = list(yaml.compose_all(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        raise _Unreadable("not_yaml", _within(text, _marked(error)), _said(error, text)) from None
    except yaml.reader.ReaderError as error:
        message = f"character {error.character!r} is not allowed here; take it out"
        raise _Unreadable("not_yaml", _at(text, error.position), message) from None
    except (yaml.YAMLError, ValueError) as error:
        raise _Unreadable("not_yaml", START, f"{shown(str(error))}; {WAY_OUT}") from None
    if len(nodes) > 1:
        message = "the file holds several documents; take out the line '---'"
        raise _Unreadable("several_documents", _start(nodes[1]), message)
    return nodes


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        position = Position(raw[: error.start].count(b"\n") + 1, 1)
        raise _Unreadable("not_utf8", position, "this is not UTF-8 text; save the file as UTF-8") from None


class _Reader:
    """Makes values of nodes, keeping what is wrong."""

    def __init__(self) -> None:
        self.faults: list[DocumentFault] = []
        self._constructor = yaml.SafeLoader("")
        self._values_left = MAX_VALUES
        self._within: set[int] = set()

    def value(self, node: Node, location: Location) -> Any:
        self._values_left -= 1
        # an alias of what holds an alias, and so on, goes deeper than the text: reading it recurses too
        is_too_deep = len(self._within) > MAX_DEPTH
        if self._values_left < 0 or is_too_deep or id(node) in self._within:
            if not any(fault.rule == "too_large" for fault in self.faults):
                message = "an alias leads into itself, or the file is too large to be a scenario's"
                self.faults.append(DocumentFault("too_large", _start(node), message, location))
            return None
        if isinstance(node, ScalarNode):
            return self._scalar(node, location)
        if node.tag != PLAIN_TAGS[type(node)]:
            message = f"the tag {node.tag} is not understood; take it out"
            self.faults.append(DocumentFault("unreadable_value", _start(node), message, location))
        self._within.add(id(node))
        try:
            if isinstance(node, SequenceNode):
                return [self.value(item, (*location, index)) for index, item in enumerate(node.value)]
            assert isinstance(node, MappingNode)
            return self._mapping(node, location)
        finally:
            self._within.discard(id(node))

    def _mapping(self, node: MappingNode, location: Location) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        merged: dict[Any, Any] | None = None
        for key_node, value_node in node.value:
            if key_node.tag == MERGE:
                if merged is not None:
                    message = "'<<' stands here a second time; write one with a list, like <<: [*a, *b]"
                    place = (*location, "<<")
                    fault = DocumentFault("duplicate_key", _start(key_node), message, place, stops_dbt=False)
                    self.faults.append(fault)
                # as dbt reads it: of two the second counts
                merged = (merged or {}) | self._merged(key_node, value_node, location)
                continue
            key = self._key(key_node, location)
            if key in result:
                message = f"{shown(key)} stands here a second time, and only one of the two would count"
                place = (*location, key)
                self.faults.append(DocumentFault("duplicate_key", _start(key_node), message, place, stops_dbt=False))
            result[key] = self.value(value_node, (*location, key))
        return (merged or {}) | result

    def _merged(self, key: Node, node: Node, location: Location) -> dict[Any, Any]:
        """Return what stands behind a `<<`; of a list's mappings the first counts."""
        sources = _sources(node)
        if not all(isinstance(source, MappingNode) for source in sources):
            # an alias is where its anchor stands, which may be right for others: the key is what is wrong
            message = "'<<' takes a mapping or a list of mappings, like <<: *name"
            self.faults.append(DocumentFault("wrong_type", _start(key), message, (*location, "<<")))
        result: dict[Any, Any] = {}
        for source in sources:
            if isinstance(source, MappingNode):
                result = (self.value(source, location) or {}) | result
        return result

    def _key(self, node: Node, location: Location) -> Any:
        if not isinstance(node, ScalarNode):
            self.faults.append(DocumentFault("wrong_type", _start(node), "a key is a word", location))
            return f"key in line {_start(node).line}"
        key = self._scalar(node, location)
        if isinstance(key, str):
            return key
        # `on:` and `2026:` are read as other things than words. Of a date dbt makes no manifest; any of them within
        # `meta`, where definitions stand, ends the thread that builds the model, and dbt waits for it for ever
        word = str(node.value)
        if isinstance(key, date) or "meta" in location:
            read = f"YAML reads {shown(word)} as {_kind_of(key)}; " if word else "there is no key before the colon; "
            message = f"{read}write the key in quotes"
            self.faults.append(DocumentFault("not_quoted", _start(node), message, (*location, word)))
        return word

    def _scalar(self, node: ScalarNode, location: Location) -> Any:
        if mark := template_mark(node.value):
            message = f"dbt would read {mark!r} as Jinja, and build something else than stands here; take it out"
            self.faults.append(DocumentFault(TEMPLATE, _start(node), message, location))
        try:
            # deep: a tag of lists or mappings is refused at once, and not when somebody looks into the value
            value = self._constructor.construct_object(node, deep=True)
        except Exception as error:
            # the library's constructors raise whatever the text leads them to: `!!timestamp 9` an AttributeError
            reason = error.problem if isinstance(error, yaml.MarkedYAMLError) else str(error)
            message = f"{shown(node.value)!r} cannot be read: {reason}"
            self.faults.append(DocumentFault("unreadable_value", _start(node), message, location))
            return node.value
        if isinstance(value, bytes):
            message = f"{shown(node.value)} is read as bytes, which no definition holds; write a text, without !!binary"
            self.faults.append(DocumentFault("unreadable_value", _start(node), message, location))
            return node.value
        if "scenario" in location and _is_another(value, node.value, location):
            read = shown(_text_of(value))
            message = f"YAML reads {shown(node.value)} as {read}; write {read} if that is meant, a text in quotes"
            self.faults.append(DocumentFault(NOT_DECIMAL, _start(node), message, location, stops_dbt=False))
        if integers.is_too_large(value):
            # dbt's cache of the project cannot hold it either
            self.faults.append(DocumentFault(integers.RULE, _start(node), integers.MESSAGE, location))
        return integers.nearest(value)


def _refuse_depth(text: str) -> None:
    # the events come one by one; composing them recurses, and would end the process before it raises
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                message = f"more than {MAX_DEPTH} lists and mappings within each other"
                mark = event.start_mark
                raise _Unreadable("too_deep", Position(mark.line + 1, mark.column + 1) if mark else START, message)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            depth -= 1


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


def _start(node: Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


def _child(node: Node, part: int | str) -> tuple[Node, Node] | None:
    """Return the key's and the value's node of one step down; an item of a list is its own key."""
    if isinstance(node, SequenceNode) and isinstance(part, int):
        return (node.value[part], node.value[part]) if part < len(node.value) else None
    if not isinstance(node, MappingNode):
        return None
    pairs = (pair for pair in _pairs(node) if isinstance(pair[0], ScalarNode) and pair[0].value == str(part))
    return next(pairs, None)


def _pairs(node: MappingNode) -> Iterator[tuple[Node, Node]]:
    """Yield a mapping's keys and values, those that count before those of the same name that do not."""
    waiting, seen = [node], set[int]()
    while waiting:
        mapping = waiting.pop()
        # a mapping that is met again has counted already, and may lead into itself
        if id(mapping) in seen:
            continue
        seen.add(id(mapping))
        yield from (pair for pair in reversed(mapping.value) if pair[0].tag != MERGE)
        merged = [_sources(value) for key, value in mapping.value if key.tag == MERGE]
        waiting += [source for sources in merged for source in reversed(sources) if isinstance(source, MappingNode)]


def _sources(node: Node) -> list[Node]:
    """Return what a `<<` merges."""
    return node.value if isinstance(node, SequenceNode) else [node]


def _is_another(value: object, written: str, location: Location) -> bool:
    """Return whether YAML reads a number as another than stands there, or what is compared as text as another text."""
    if not isinstance(value, int | float) or integers.is_too_large(value) or not isfinite(value):
        return False
    if _is_compared_as_text(location):
        return _text_of(value) != written
    if isinstance(value, bool):
        return False
    plain = written.replace("_", "").removeprefix("+")
    if isinstance(value, int):
        return str(value) != plain
    try:
        return Decimal(plain) != Decimal(str(value))
    except InvalidOperation:
        # sexagesimal
        return True


def _is_compared_as_text(location: Location) -> bool:
    """Return whether a value is one of a field of the shop's own, but no end of a range."""
    is_end = location[-3:-2] == ("custom",) and location[-1] in ("from", "to")
    return "custom" in location[:-1] and not is_end


def _text_of(value: object) -> str:
    """Return a number, true or false as JSON has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind_of(key: object) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    if key is None:
        return "nothing"
    return "a date" if isinstance(key, date) else "a number"

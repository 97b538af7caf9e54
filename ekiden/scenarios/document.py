"""A YAML file with the place of everything in it.

Belongs here: the file, its text, and where what stands in it. Does not belong here: how values are made of it
(`yaml_reader`), how a fault is said (`yaml_complaints`), and what the file means (`source`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ekiden.scenarios.faults import Location
from ekiden.scenarios.yaml_complaints import START, DocumentFault, Position, Unreadable, not_yaml, start_of
from ekiden.scenarios.yaml_reader import MAX_DEPTH, MERGE, Reader, sources_of

MAX_BYTES = 500_000
"""Of a file; the longest possible definition has less than half of it, and reading megabytes takes minutes."""

# the same as dbt's; without the C library the slower one, which reads the same
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
        node, found = self.root, START if self.root is None else start_of(self.root)
        for depth, part in enumerate(location):
            pair = _child(node, part) if node is not None else None
            if pair is None:
                return found
            key, node = pair
            found = start_of(key) if of_key and depth == len(location) - 1 else start_of(node)
            if isinstance(node, ScalarNode) and not node.value:
                # nothing stands there: the key is what the writer sees
                found = start_of(key)
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
    except Unreadable as error:
        return Document(None, (DocumentFault(error.rule, error.position, error.message),))
    if not nodes:
        return Document(None, ())
    reader = Reader()
    value = reader.value(nodes[0], location)
    return Document(value, tuple(reader.faults), nodes[0])


def _nodes(raw: bytes) -> list[Node]:
    """Return the file's documents, at most one; raises `Unreadable`."""
    if len(raw) > MAX_BYTES:
        message = f"the file has {len(raw):,} bytes, too many for scenarios; there are at most {MAX_BYTES:,}"
        raise Unreadable("too_large", START, message)
    text = _text(raw)
    try:
        _refuse_depth(text)
        nodes = list(yaml.compose_all(text, Loader=_Loader))
    except (yaml.YAMLError, ValueError) as error:
        raise not_yaml(error, text) from None
    if len(nodes) > 1:
        message = "the file holds several documents; take out the line '---'"
        raise Unreadable("several_documents", start_of(nodes[1]), message)
    return nodes


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        position = Position(raw[: error.start].count(b"\n") + 1, 1)
        raise Unreadable("not_utf8", position, "this is not UTF-8 text; save the file as UTF-8") from None


def _refuse_depth(text: str) -> None:
    # the events come one by one; composing them recurses, and would end the process before it raises
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                message = f"more than {MAX_DEPTH} lists and mappings within each other"
                mark = event.start_mark
                raise Unreadable("too_deep", Position(mark.line + 1, mark.column + 1) if mark else START, message)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            depth -= 1


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
        merged = [sources_of(value) for key, value in mapping.value if key.tag == MERGE]
        waiting += [source for sources in merged for source in reversed(sources) if isinstance(source, MappingNode)]

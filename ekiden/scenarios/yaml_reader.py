"""The nodes of a YAML file made values, as dbt makes them, but with every fault told.

Belongs here: tags, keys, aliases, merges (`<<`), and values that are read as others than stand there. Does not belong
here: the file and its text (`document`), and what the values mean (`source`).
"""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ekiden.scenarios import integers
from ekiden.scenarios.faults import Location, shown
from ekiden.scenarios.yaml_complaints import DocumentFault, start_of

MAX_DEPTH = 50
"""Mappings and lists within each other; a definition needs a dozen, and the parser itself breaks at some thousands."""

MAX_VALUES = 100_000
"""Values after aliases are followed; the longest possible definition has some thousands, a trap has millions."""

TEMPLATE = "template_in_definition"
"""The rule that a file holds no Jinja."""

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


def template_mark(text: str) -> str | None:
    """Return the first mark in a text with which Jinja begins; None where dbt leaves the text as it is."""
    found = _TEMPLATE_MARK.search(text)
    return found.group() if found else None


class Reader:
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
                self.faults.append(DocumentFault("too_large", start_of(node), message, location))
            return None
        if isinstance(node, ScalarNode):
            return self._scalar(node, location)
        if node.tag != PLAIN_TAGS[type(node)]:
            message = f"the tag {node.tag} is not understood; take it out"
            self.faults.append(DocumentFault("unreadable_value", start_of(node), message, location))
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
                    fault = DocumentFault("duplicate_key", start_of(key_node), message, place, stops_dbt=False)
                    self.faults.append(fault)
                # as dbt reads it: of two the second counts
                merged = (merged or {}) | self._merged(key_node, value_node, location)
                continue
            key = self._key(key_node, location)
            if key in result:
                message = f"{shown(key)} stands here a second time, and only one of the two would count"
                place = (*location, key)
                self.faults.append(DocumentFault("duplicate_key", start_of(key_node), message, place, stops_dbt=False))
            result[key] = self.value(value_node, (*location, key))
        return (merged or {}) | result

    def _merged(self, key: Node, node: Node, location: Location) -> dict[Any, Any]:
        """Return what stands behind a `<<`; of a list's mappings the first counts."""
        sources = sources_of(node)
        if not all(isinstance(source, MappingNode) for source in sources):
            # an alias is where its anchor stands, which may be right for others: the key is what is wrong
            message = "'<<' takes a mapping or a list of mappings, like <<: *name"
            self.faults.append(DocumentFault("wrong_type", start_of(key), message, (*location, "<<")))
        result: dict[Any, Any] = {}
        for source in sources:
            if isinstance(source, MappingNode):
                result = (self.value(source, location) or {}) | result
        return result

    def _key(self, node: Node, location: Location) -> Any:
        if not isinstance(node, ScalarNode):
            self.faults.append(DocumentFault("wrong_type", start_of(node), "a key is a word", location))
            return f"key in line {start_of(node).line}"
        key = self._scalar(node, location)
        if isinstance(key, str):
            return key
        # `on:` and `2026:` are read as other things than words. Of a date dbt makes no manifest; any of them within
        # `meta`, where definitions stand, ends the thread that builds the model, and dbt waits for it for ever
        word = str(node.value)
        if isinstance(key, date) or "meta" in location:
            read = f"YAML reads {shown(word)} as {_kind_of(key)}; " if word else "there is no key before the colon; "
            message = f"{read}write the key in quotes"
            self.faults.append(DocumentFault("not_quoted", start_of(node), message, (*location, word)))
        return word

    def _scalar(self, node: ScalarNode, location: Location) -> Any:
        if mark := template_mark(node.value):
            message = f"dbt would read {mark!r} as Jinja, and build something else than stands here; take it out"
            self.faults.append(DocumentFault(TEMPLATE, start_of(node), message, location))
        try:
            # deep: a tag of lists or mappings is refused at once, and not when somebody looks into the value
            value = self._constructor.construct_object(node, deep=True)
        except Exception as error:
            # the library's constructors raise whatever the text leads them to: `!!timestamp 9` an AttributeError
            reason = error.problem if isinstance(error, yaml.MarkedYAMLError) else str(error)
            message = f"{shown(node.value)!r} cannot be read: {reason}"
            self.faults.append(DocumentFault("unreadable_value", start_of(node), message, location))
            return node.value
        if isinstance(value, bytes):
            message = f"{shown(node.value)} is read as bytes, which no definition holds; write a text, without !!binary"
            self.faults.append(DocumentFault("unreadable_value", start_of(node), message, location))
            return node.value
        if "scenario" in location and _is_another(value, node.value, location):
            read = shown(_text_of(value))
            message = f"YAML reads {shown(node.value)} as {read}; write {read} if that is meant, a text in quotes"
            self.faults.append(DocumentFault(NOT_DECIMAL, start_of(node), message, location, stops_dbt=False))
        if integers.is_too_large(value):
            # dbt's cache of the project cannot hold it either
            self.faults.append(DocumentFault(integers.RULE, start_of(node), integers.MESSAGE, location))
        return integers.nearest(value)


def sources_of(node: Node) -> list[Node]:
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

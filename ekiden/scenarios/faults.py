"""What is wrong with a definition, said to its author: the place, what was found, what is allowed.

Belongs here: faults, and how pydantic's errors become ours. Does not belong here: the rules themselves.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from ekiden.scenarios.anchor import CHOICE, WORD
from ekiden.scenarios.frames import FRAME_TYPES, Conditions, Target, frame_tag
from ekiden.scenarios.member import COMPARISON, VALUE
from ekiden.scenarios.scenario import ScenarioDefinition
from ekiden.scenarios.values import as_yaml_reads
from ekiden.shortening import shortened

Location = tuple[int | str, ...]

TAGS = frozenset({WORD, CHOICE, COMPARISON, VALUE, *map(frame_tag, FRAME_TYPES)})
"""What pydantic puts into a fault's place that stands nowhere in the file."""

A_KEY_ITSELF = "[key]"
"""What pydantic puts behind a key that is itself at fault."""

RULES = {
    "missing": "required",
    "extra_forbidden": "unknown_key",
    "literal_error": "unknown_value",
    "enum": "unknown_value",
    "string_too_short": "empty",
    "too_short": "empty",
    "string_too_long": "too_long",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "finite_number": "out_of_range",
    "invalid_key": "unknown_key",
}
"""Our names for pydantic's errors; a name is a promise to whoever reads reports with a program."""

EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number of sensible size",
    "bool_type": "true or false",
    "tuple_type": "a list, like [A, B]",
    "dict_type": "a mapping, like {key: value}",
    "mapping_type": "a mapping, like {key: value}",
    "model_type": "a mapping, like {key: value}",
    "model_attributes_type": "a mapping, like {key: value}",
}
"""What should stand where pydantic found a value of another type; all of these are the rule `wrong_type`."""

LONGEST_SHOWN = 60
"""Characters of a found value that are shown; more would bury the message."""


@dataclass(frozen=True)
class DefinitionFault:
    """One fault: the rule it breaks, where it stands, what would be right and what was found there."""

    rule: str
    place: str
    message: str
    location: Location = ()
    """The place as keys and indices from the scenario's mapping down."""
    found: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message} ({self.rule})"


def fault(rule: str, location: Location, message: str, found: object = None) -> DefinitionFault:
    """Return a fault at `location`."""
    return DefinitionFault(rule, written(location), message, location, shown(found))


def written(location: Location) -> str:
    """Return a place as a person writes it, like `target.frames[0].codes`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".") or "scenario"


def shown(value: object) -> str:
    """Return a found value in short, on one line; empty for none."""
    if value is None:
        return ""
    text = " ".join((value if isinstance(value, str) else _written_out(value)).split())
    return shortened(text, LONGEST_SHOWN)


def _written_out(value: object) -> str:
    if isinstance(value, date):
        return str(value)
    if isinstance(value, BaseModel):
        return repr(value.model_dump(mode="json", by_alias=True, exclude_none=True))
    if isinstance(value, tuple):
        # what YAML has is a list
        return repr(list(value))
    try:
        return repr(value)
    except ValueError:
        # Python writes no integer of more than 4,300 digits in decimal
        return f"{value:#x}" if isinstance(value, int) else f"a {type(value).__name__} with a number out of range"


def from_pydantic(errors: Iterable[ErrorDetails]) -> Iterator[DefinitionFault]:
    """Yield pydantic's errors as ours."""
    for item in errors:
        # a list whose items are all broken counts as empty to pydantic; its items have been told
        if not (item["type"] == "too_short" and item["input"]):
            yield _from_one(item)


def _from_one(item: ErrorDetails) -> DefinitionFault:
    kind, found = item["type"], item["input"]
    location = _as_in_the_file(item["loc"], ends_with_a_key=kind == "extra_forbidden")
    if kind == "missing":
        rule = "exactly_one_anchor" if location == ("anchor",) else "required"
        return fault(rule, location, "it is required")
    if kind == "extra_forbidden":
        return _unknown_key(location, item["loc"], found)
    if kind == "unknown_frame_type":
        return _unknown_frame_type(location, found)
    if kind in EXPECTED:
        return fault("wrong_type", location, f"{EXPECTED[kind]} is expected, not {_kind_of(found)}", found)
    rule = RULES.get(kind, kind)
    if kind == "greater_than_equal" and location[-1:] == ("offset_days",):
        rule = "negative_offset"
    return fault(rule, location, _message(rule, item), found)


def _as_in_the_file(location: Location, *, ends_with_a_key: bool) -> Location:
    """Return a place without what pydantic put into it; a key of the file may be the same word (`[key]`, a tag)."""
    kept = len(location) - 1 if ends_with_a_key else len(location)
    return (*(part for part in location[:kept] if part not in TAGS and part != A_KEY_ITSELF), *location[kept:])


def _message(rule: str, item: ErrorDetails) -> str:
    found, context = item["input"], item.get("ctx", {})
    if rule == "unknown_value":
        known = [word.strip("'") for word in str(context.get("expected", "")).replace(" or ", ", ").split(", ")]
        said = as_yaml_reads(found) if isinstance(found, bool) else shown(found) or "nothing"
        return f"{said} is not allowed{meant(found, known)}; allowed: {', '.join(known)}"
    if rule == "negative_offset":
        return "steps go forward in time: 0 or more days"
    if rule == "out_of_range":
        bound = f"at least {context['ge']}" if "ge" in context else f"at most {context.get('le')}"
        return f"{shown(found)} is out of range; it is {bound}"
    if rule == "too_long":
        return f"{len(found)} characters; there are at most {context['max_length']}"
    if rule == "empty":
        return "it is empty; write something, or leave the key out"
    return item["msg"].replace("{found}", shown(found))


def meant(word: object, known: Iterator[str] | list[str]) -> str:
    """Return ", perhaps …" where a known word is near, else nothing."""
    near = get_close_matches(shown(word), list(known), n=1)
    return f", perhaps {near[0]}" if near else ""


def _kind_of(value: object) -> str:
    names = {str: "a text", list: "a list", type(None): "nothing"}
    if isinstance(value, bool):
        return as_yaml_reads(value)
    if isinstance(value, Mapping):
        return "a mapping"
    return names.get(type(value), f"{shown(value)}")


def _unknown_frame_type(location: Location, found: object) -> DefinitionFault:
    known = ", ".join(FRAME_TYPES)
    if not isinstance(found, Mapping):
        return fault("wrong_type", location, "a frame is a mapping, like {type: product, codes: [A]}", found)
    if "type" not in found:
        return fault("required", (*location, "type"), f"a frame needs a type: {known}")
    word = found["type"]
    message = f"{shown(word) or 'nothing'} is no frame type{meant(word, list(FRAME_TYPES))}; known: {known}"
    return fault("unknown_frame_type", (*location, "type"), message, word)


def _unknown_key(location: Location, raw_location: Location, found: object) -> DefinitionFault:
    """Return what may stand where an unknown key was found, and what was probably meant."""
    key = str(location[-1])
    frame = next((name for name in FRAME_TYPES if raw_location[-2:-1] == (frame_tag(name),)), None)
    known = keys_of(FRAME_TYPES[frame]) if frame else keys_of(_part_at(raw_location[:-1]))
    if frame is not None:
        if key == "count":
            message = f"{frame} frames are not counted; count belongs to product, category, order and event frames"
            return fault("count_not_allowed", location, message, found)
        owners = [name for name, part in FRAME_TYPES.items() if key in keys_of(part)]
        if owners:
            message = (
                f"{frame} frames have no {key}; it belongs to {', '.join(owners)} frames. "
                f"Known here: {', '.join(known)}"
            )
            return fault("key_of_another_frame", location, message, found)
    if len(location) == 1 and key in keys_of(Target):
        sections = "target, exclusion and stop" if key in keys_of(Conditions) else "target"
        message = f"a scenario has no {key}; it belongs to {sections}. Known here: {', '.join(known)}"
        return fault("unknown_key", location, message, found)
    message = f"there is no such key{meant(key, known)}; known here: {', '.join(known)}"
    return fault("unknown_key", location, message, found)


def keys_of(part: type[BaseModel]) -> list[str]:
    """Return the keys of a mapping as they are written."""
    return [field.alias or name for name, field in part.model_fields.items()]


def _part_at(raw_location: tuple[int | str, ...]) -> type[BaseModel]:
    """Return the mapping that stands at a place, pydantic's tags included."""
    part: type[BaseModel] = ScenarioDefinition
    for name in raw_location:
        frame = next((each for each in FRAME_TYPES if name == frame_tag(each)), None)
        if frame is not None:
            part = FRAME_TYPES[frame]
        elif isinstance(name, str) and name not in TAGS:
            fields = {field.alias or key: field for key, field in part.model_fields.items()}
            if name in fields:
                part = next(_parts(fields[name].annotation), part)
    return part


def _parts(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models in a field's type, like `Period` in `Period | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _parts(argument)

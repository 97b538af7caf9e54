"""Reading a script: YAML whose values are text, instants in local time, and faults that name their place.

Belongs here: what every part of the format shares. Does not belong here: the parts (`shorthand`, `script`).
"""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import yaml
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

ZONE = ZoneInfo("Asia/Tokyo")


class ScriptFault(Exception):
    """A script that cannot be played: what is wrong with it, and where."""


class ScriptLoader(yaml.SafeLoader):
    """YAML whose plain scalars are text: `12:00` is no number, `2024-05-04` no timestamp, `no` no boolean."""

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        """Compose a mapping; a key that stands in it twice is a fault, of which YAML would keep the last."""
        node = super().compose_mapping_node(anchor)
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        if twice := [key for key, times in keys.items() if times > 1]:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {twice[0]!r} stands twice in one mapping", node.start_mark
            )
        return node


KEPT_RESOLVERS = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")
ScriptLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in KEPT_RESOLVERS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def two_digit_hours(text: object) -> object:
    """Return a time or an instant with `9:00` written as `09:00`."""
    return re.sub(r"(?<![\d:])(\d:\d\d)", r"0\1", text) if isinstance(text, str) else text


def instant(text: object) -> object:
    """Return the instant a script writes, in UTC; local time of `ZONE` where it names no offset."""
    if not isinstance(text, str):
        return text
    read = datetime.fromisoformat(str(two_digit_hours(text)))
    return (read if read.tzinfo else read.replace(tzinfo=ZONE)).astimezone(UTC)


def day(text: object) -> object:
    """Return the local date of what may be written as an instant."""
    read = instant(text) if isinstance(text, str) and ":" in text else text
    return read.astimezone(ZONE).date() if isinstance(read, datetime) else read


def nothing_as(empty: object) -> BeforeValidator:
    """Return how a key is read that may stand there with nothing behind it."""
    return BeforeValidator(lambda given: empty if given is None else given)


Instant = Annotated[datetime, BeforeValidator(instant)]
LocalDay = Annotated[date, BeforeValidator(day)]
TimeOfDay = Annotated[str, BeforeValidator(two_digit_hours)]


Parsed = TypeVar("Parsed", bound=BaseModel)


class Part(BaseModel):
    """A part of a script."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class NotedPart(Part):
    """A part that whoever wrote it may have explained."""

    note: Any = Field(None, validation_alias=AliasChoices("note", "notes", "comment", "description", "why"))


def read_yaml(path: Path) -> object:
    """Return what a file says, its plain values as text; raise `ScriptFault` if it is no YAML."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), ScriptLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ScriptFault(f"no YAML: {error}") from None


def parse(shape: type[Parsed], content: object, whole: str = "the script") -> Parsed:
    """Return `content` as `shape`; raise `ScriptFault` that names every fault with its place in the whole."""
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        raise ScriptFault("\n".join(_fault(item, whole) for item in error.errors())) from None


def by_own_names(shape: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping with the name of each field for whichever of its words stands there."""
    words = {
        word: name
        for name, field in shape.model_fields.items()
        if isinstance(field.validation_alias, AliasChoices)
        for word in field.validation_alias.choices
    }
    return {words.get(key, key): value for key, value in given.items()}


def _fault(item: Any, whole: str) -> str:
    *parents, last = item["loc"] or (whole,)
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parents).lstrip(".")
    if item["type"] == "extra_forbidden":
        return f"unknown key {last!r} in {place or whole}"
    if item["type"] == "union_tag_invalid":
        return f"unknown operation {item['ctx']['tag']!r} in {place}[{last}]"
    return f"{place}.{last}: {item['msg']} (given: {item['input']!r})"


def local(moment: datetime) -> str:
    """Return an instant as a script would write it."""
    here = moment.astimezone(ZONE)
    exact = "minutes" if here.time() == time(here.hour, here.minute) else "auto"
    return here.replace(tzinfo=None).isoformat(sep=" ", timespec=exact)

"""Reading a script: YAML whose values are text, instants in local time, and faults that name their place.

Belongs here: what every part of the format shares. Does not belong here: the parts (`shorthand`, `script`).
"""

from datetime import UTC, datetime, time
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

ZONE = ZoneInfo("Asia/Tokyo")


class ScriptFault(Exception):
    """A script that cannot be played: what is wrong with it, and where."""


class ScriptLoader(yaml.SafeLoader):
    """YAML whose plain scalars are text: `12:00` is no number, `2024-05-04` no timestamp, `no` no boolean."""


ScriptLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag == "tag:yaml.org,2002:null"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def instant(text: object) -> object:
    """Return the instant a script writes, in UTC; local time of `ZONE` where it names no offset."""
    if not isinstance(text, str):
        return text
    read = datetime.fromisoformat(text)
    return (read if read.tzinfo else read.replace(tzinfo=ZONE)).astimezone(UTC)


Instant = Annotated[datetime, BeforeValidator(instant)]


Parsed = TypeVar("Parsed", bound=BaseModel)


class Part(BaseModel):
    """A part of a script."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def read_yaml(path: Path) -> object:
    """Return what a file says, its plain values as text; raise `ScriptFault` if it is no YAML."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), ScriptLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ScriptFault(f"no YAML: {error}") from None


def parse(shape: type[Parsed], content: object) -> Parsed:
    """Return `content` as `shape`; raise `ScriptFault` that names every fault with its place."""
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        raise ScriptFault("\n".join(_fault(item) for item in error.errors())) from None


def _fault(item: Any) -> str:
    *parents, last = item["loc"] or ("script",)
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parents).lstrip(".")
    if item["type"] == "extra_forbidden":
        return f"unknown key {last!r} in {place or 'the script'}"
    if item["type"] == "union_tag_invalid":
        return f"unknown operation {item['ctx']['tag']!r} in {place}[{last}]"
    return f"{place}.{last}: {item['msg']} (given: {item['input']!r})"


def local(moment: datetime) -> str:
    """Return an instant as a script would write it."""
    here = moment.astimezone(ZONE)
    exact = "minutes" if here.time() == time(here.hour, here.minute) else "auto"
    return here.replace(tzinfo=None).isoformat(sep=" ", timespec=exact)

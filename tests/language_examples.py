"""The examples of the scenario language's reference, as definitions; for the tests of that reference.

Belongs here: reading docs/scenarios.md and docs/scenarios/*.md. Does not belong here: what is expected of them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from ekiden.settings import PROJECT_ROOT

DOCS = PROJECT_ROOT / "docs"

MINIMAL: Mapping[str, Any] = {
    "name": "An example of the documentation",
    "anchor": "ordered",
    "steps": [{"offset_days": 1, "send_time": "12:00", "content": "sample/step_1"}],
}
"""What an example is put into: a piece of a definition stands for the whole."""


@dataclass(frozen=True)
class Example:
    """One yaml block of a page, as a whole definition."""

    page: str
    number: int
    definition: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.page}-{self.number}"

    @property
    def model(self) -> str:
        """A name for its dbt model."""
        return f"example_{re.sub(r'[^a-z]+', '_', self.page.removesuffix('.md'))}_{self.number}"


def pages() -> list[str]:
    """Return the pages of the reference, by their paths below docs/."""
    return ["scenarios.md", *sorted(f"scenarios/{path.name}" for path in (DOCS / "scenarios").glob("*.md"))]


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def definitions() -> list[Example]:
    """Return every yaml block as a definition: a whole dbt model's, or the minimal one with the block's settings."""
    return [example for name in pages() for example in _examples(name)]


def models_by_hand() -> dict[str, str]:
    """Return the SQL of every dbt model that a page shows, by its path below dbt_project/models."""
    found: dict[str, str] = {}
    for name in pages():
        for path, text in re.findall(r"```sql\n-- dbt_project/models/(\S+\.sql):.*?\n(.*?)```", page(name), re.DOTALL):
            found[path] = text
    return found


def _examples(name: str) -> Iterator[Example]:
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page(name), flags=re.DOTALL), start=1):
        given = yaml.safe_load(block)
        if "models" in given:
            given = given["models"][0]["config"]["meta"]["scenario"]
        example = Example(name, number, {})
        yield Example(name, number, {"code": example.model, **MINIMAL, **given})

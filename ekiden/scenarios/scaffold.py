"""A new scenario's files, which validate as they are.

Belongs here: what a new scenario looks like. Does not belong here: what a definition may say (`definition`).
"""

import json
import os
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import yaml

from ekiden.content.sources import LAYOUT_FOLDER, NOTICE_FOLDER
from ekiden.errors import SaysEnough
from ekiden.scenarios.definition import check
from ekiden.scenarios.document import document_of
from ekiden.scenarios.faults import shown
from ekiden.scenarios.scenario import SOURCE_OF_ANCHOR
from ekiden.scenarios.source import COLUMNS, ELIGIBILITY, MAX_MODEL_NAME, REGISTRY, can_name_a_model, read_project
from ekiden.scenarios.yaml_reader import template_mark

CODE = re.compile(r"[a-z][a-z0-9_]*")
"""A scaffolded scenario's code names its model and its folder of contents, so it is as narrow as both."""

NOT_AS_THEY_ARE = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")
"""Characters that JSON takes in a text and YAML refuses or reads as a line break or a blank."""

ANCHOR = ("config", "meta", "scenario", "anchor")
"""Where a model's entry has it; what its YAML may be depends on that."""

SCHEMA_FILE = Path("docs") / "scenario.schema.json"
TEMPLATES = Path(__file__).with_name("templates")

DESCRIPTIONS: Mapping[str, str] = {
    "customer_id": "The customer.",
    "anchor_kind": "What the step offsets count from.",
    "anchor_key": "Which anchor; the order id where it is an order.",
    "anchor_at": "The instant of the anchor.",
    "anchor_date": "The local date of the anchor.",
    "entry_during": "The instants at which the entry conditions hold.",
    "stop_during": "The instants at which a stop condition holds.",
}


class ScaffoldRefused(SaysEnough):
    """No new scenario was written; the text says why and what to do."""


@dataclass(frozen=True)
class Scaffold:
    """The files of a new scenario, not yet written."""

    files: Mapping[Path, str]


def new_scenario(
    code: str, *, name: str | None, anchor: str, project: Path, contents: Path, options: Collection[str] = ()
) -> Scaffold:
    """Return a new scenario's files; raises `ScaffoldRefused` if it could not be one, or would overwrite anything."""
    if not CODE.fullmatch(code) or not can_name_a_model(code):
        raise ScaffoldRefused(
            f"{code!r} cannot name a model: write a-z, 0-9 and _, a letter first, at most {MAX_MODEL_NAME} characters, "
            f"and not {REGISTRY}. The scenario's name may be anything: --name"
        )
    given_anchor = read_anchor(anchor)
    definition = _definition(code, name or code, given_anchor)
    if faults := check(definition, options=frozenset(options)).faults:
        raise ScaffoldRefused("\n".join(f"{fault.place}: {fault.message}" for fault in faults))
    segment = given_anchor.get("entered") if isinstance(given_anchor, dict) else None
    sources = read_project(project)
    if segment is not None and segment not in sources.segments:
        known = ", ".join(sorted(sources.segments)) or "none"
        raise ScaffoldRefused(f"{segment} is no model under models/segments; there are: {known}")
    _refuse_taken(code, project, [each.definition for each in sources.scenarios])
    folder = project / ELIGIBILITY
    text = _yaml(code, definition, folder, project)
    if mark := template_mark(text):
        raise ScaffoldRefused(f"dbt would read {mark!r} as Jinja; take it out of the name or the anchor")
    files = {
        folder / f"{code}.sql": f"{{{{ eligibility({f'segments={[segment]!r}' if segment else ''}) }}}}\n",
        folder / f"{code}.yml": text,
        contents / code / "step_1.txt": (TEMPLATES / "step_1.txt").read_text(encoding="utf-8"),
        contents / code / "step_1.mjml": (TEMPLATES / "step_1.mjml").read_text(encoding="utf-8"),
    }
    if existing := [str(path) for path in files if path.exists() or path.is_symlink()]:
        raise ScaffoldRefused(f"nothing was written, for this exists already: {', '.join(existing)}")
    return Scaffold(files)


def write(scaffold: Scaffold) -> None:
    """Write the files, all or none; raise `ScaffoldRefused` where one cannot be, or is there meanwhile."""
    written: list[Path] = []
    made: list[Path] = []
    try:
        for path, text in scaffold.files.items():
            made += reversed([folder for folder in path.parents if not folder.exists()])
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                written.append(path)
                file.write(text)
    except (OSError, UnicodeError) as error:
        for path in written:
            path.unlink(missing_ok=True)
        for folder in reversed(made):
            # not one in which somebody has put something meanwhile
            with suppress(OSError):
                folder.rmdir()
        raise ScaffoldRefused(f"nothing was written: {error}") from error


def read_anchor(text: str) -> Any:
    """Return an anchor as one writes it on a command line: `ordered`, `entered=lapsed_90_days` or YAML.

    Raises `ScaffoldRefused` for what is none of them.
    """
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        # Python keeps bytes that it cannot read as surrogates, which no file of ours can hold
        message = f"the anchor {shown(text)!r} is not UTF-8 text; type it where the terminal is set to UTF-8"
        raise ScaffoldRefused(message) from None
    kind, equals, argument = text.partition("=")
    if equals and CODE.fullmatch(kind):
        return {kind: argument}
    document = document_of(raw, ANCHOR)
    if document.faults:
        raise ScaffoldRefused(f"the anchor {shown(text)!r}: {document.faults[0].message}")
    return document.value


def _definition(code: str, name: str, anchor: Any) -> dict[str, Any]:
    kind = next(iter(anchor)) if isinstance(anchor, dict) and anchor else anchor
    source = SOURCE_OF_ANCHOR.get(kind) if isinstance(kind, str) else None
    return {
        "code": code,
        "name": name,
        "status": "draft",
        **({"source": source} if source else {}),
        "anchor": anchor,
        "look_back_days": 2,
        "steps": [{"offset_days": 3, "send_time": "12:00", "content": f"{code}/step_1"}],
    }


def _refuse_taken(code: str, project: Path, definitions: Collection[Any]) -> None:
    if any(isinstance(each, dict) and each.get("code") == code for each in definitions):
        raise ScaffoldRefused(f"another scenario has the code {code!r}; choose another")
    if code in (LAYOUT_FOLDER, NOTICE_FOLDER):
        raise ScaffoldRefused(f"content/{code} holds what is no scenario's; choose another code")
    taken = {path.stem: path for path in (project / "models").rglob("*.sql")}
    if code in taken:
        raise ScaffoldRefused(f"there is a model {code} already, {taken[code]}; choose another code")


def _as_yaml(value: Any) -> str:
    # JSON is YAML: quotes, brackets and line breaks in a name stay what they are
    text = json.dumps(value, ensure_ascii=False)
    return NOT_AS_THEY_ARE.sub(lambda character: f"\\u{ord(character[0]):04x}", text)


def _yaml(code: str, definition: Mapping[str, Any], folder: Path, project: Path) -> str:
    schema = os.path.relpath(project.parent / SCHEMA_FILE, folder)
    anchor = definition["anchor"]
    columns = [
        f"      - {{name: {name}, data_type: {kind}, description: {json.dumps(DESCRIPTIONS[name])}"
        + (", constraints: [{type: not_null}]}" if name != "anchor_kind" else "}")
        for name, kind in COLUMNS.items()
    ]
    return Template((TEMPLATES / "scenario.yml").read_text(encoding="utf-8")).substitute(
        schema=Path(schema).as_posix(),
        # `null` and `yes` are words to whoever writes them, and something else to YAML
        code=code if yaml.safe_load(code) == code else _as_yaml(code),
        name=_as_yaml(definition["name"]),
        content=definition["steps"][0]["content"],
        source=f"\n          source: {definition['source']}" if "source" in definition else "",
        anchor=anchor if isinstance(anchor, str) else _as_yaml(anchor),
        columns="\n".join(columns),
    )

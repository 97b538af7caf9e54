"""What a scenario's `.sql` file says: whether it is compiled from the definition, and which segments it names.

Belongs here: reading the model's Jinja, without running it. Does not belong here: what dbt makes of it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from jinja2 import Environment, TemplateError, TemplateSyntaxError, nodes

from ekiden.scenarios.of_dbt import EPHEMERAL, MATERIALIZED

MACRO = "eligibility"

CONFIG = "config"
"""dbt's own macro of a model's settings."""

ALMOST = 0.85
"""So alike that another macro cannot be meant; `eligibility_query` is 0.79 alike."""


AROUND = r"(?:\s|[{][#](?:(?![#][}])[\s\S])*[#][}]|--[^\n]*(?:\n|$)|/[*](?:(?![*]/)[\s\S])*[*]/)*"
"""White space and the comments of Jinja and SQL; none may swallow what stands between two of them."""

WHOLE_MODEL = re.compile(AROUND + r"[{][{]-?\s*eligibility\s*[(][^{}]*[)]\s*-?[}][}]" + AROUND)


def compiled_here(sql: str) -> bool:
    """Return whether a model is nothing but the call of `eligibility`; the macro `is_compiled_here` says the same."""
    return WHOLE_MODEL.fullmatch(sql) is not None


@dataclass(frozen=True)
class ModelSql:
    """A model's SQL, as far as it can be read."""

    file: Path
    compiled_here: bool = False
    """Whether its SQL comes from `eligibility`; what was written by hand has segments of its own."""
    segments: tuple[str, ...] = ()
    """The segments the model names."""
    segments_line: int = 1
    fault: tuple[int, str] | None = None
    """The line and what is wrong, where it cannot be read."""
    ephemeral_line: int | None = None
    """The line of the call of `config` that makes the model ephemeral, where there is one."""


def read_model_sql(path: Path) -> ModelSql:
    """Return what a model's file says; never raises for what is in it."""
    try:
        text = _text(path)
        tree = _parsed(text)
    except _Unreadable as error:
        return ModelSql(path, fault=(error.line, str(error)))
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == MACRO:
            if not compiled_here(text):
                message = (
                    "nothing but comments may stand around {{ eligibility() }}, or live answers differ from the table"
                )
                return ModelSql(path, fault=(call.lineno, message))
            return _of_call(path, call)
        if isinstance(call.node, nodes.Name) and get_close_matches(call.node.name, [MACRO], n=1, cutoff=ALMOST):
            return ModelSql(path, fault=(call.lineno, f"there is no macro {call.node.name}, perhaps {MACRO}"))
    return ModelSql(path, ephemeral_line=_ephemeral_line(tree))


def _ephemeral_line(tree: nodes.Template) -> int | None:
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == CONFIG:
            for kind in _kinds(call):
                if isinstance(kind, nodes.Const) and kind.value == EPHEMERAL:
                    return call.lineno
    return None


def _kinds(call: nodes.Call) -> Iterator[nodes.Expr]:
    """Yield what a call of `config` says that the model becomes, by a keyword or in a mapping."""
    for keyword in call.kwargs:
        if keyword.key == MATERIALIZED:
            yield keyword.value
    for mapping in call.args:
        for pair in mapping.items if isinstance(mapping, nodes.Dict) else ():
            if isinstance(pair.key, nodes.Const) and pair.key.value == MATERIALIZED:
                yield pair.value


class _Unreadable(Exception):
    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _Unreadable(f"the file cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise _Unreadable("this is not UTF-8 text; save the file as UTF-8") from None


def _parsed(text: str) -> nodes.Template:
    if not text.strip():
        raise _Unreadable("the file is empty; its one line is {{ eligibility() }}")
    try:
        return Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"], autoescape=True).parse(text)
    except TemplateSyntaxError as error:
        raise _Unreadable(f"this is not Jinja: {error.message}", error.lineno) from None
    except (TemplateError, RecursionError) as error:
        raise _Unreadable(f"this is not Jinja: {error}") from None


def _of_call(path: Path, call: nodes.Call) -> ModelSql:
    keywords = {keyword.key: keyword.value for keyword in call.kwargs}
    is_spread = call.dyn_args is not None or call.dyn_kwargs is not None
    if is_spread or len(call.args) + len(call.kwargs) > 1 or set(keywords) - {"segments"}:
        message = "eligibility takes one argument or none: eligibility(segments=['name'])"
        return ModelSql(path, True, fault=(call.lineno, message))
    given = call.args[0] if call.args else keywords.get("segments")
    if given is None:
        return ModelSql(path, True, (), call.lineno)
    try:
        segments = given.as_const()
    except nodes.Impossible:
        segments = None
    if not isinstance(segments, list | tuple) or not all(isinstance(name, str) for name in segments):
        return ModelSql(path, True, fault=(call.lineno, "write the segments out: eligibility(segments=['name'])"))
    return ModelSql(path, True, tuple(segments), call.lineno)

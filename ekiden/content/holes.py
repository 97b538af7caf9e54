"""A template cut into text that stands still and holes that are filled.

What an author writes outside of tags stands still; each `{{ value }}` and each whole `{% if %}` or `{% for %}`
at the top of a template is a hole. A hole's template renders nothing but holes, each followed by a separator,
so that Jinja2 does no work for the text between them, and one split gives the values.

Belongs here: Jinja2's syntax trees. Does not belong here: whose value fills a hole (`skeleton.py`).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, Template, nodes

from ekiden.content.templates import PARTS_OF_A_DATE

# No value contains it (`harmless`), nor any file (`sources.py`). An author who makes one inside of a tag makes
# one value too many, and `HolesTemplate.values` says so.
SEPARATOR = "\x1f"

# They say nothing themselves: what follows them may depend on them.
_SETTINGS = (nodes.Assign, nodes.AssignBlock, nodes.Macro)
_BLOCKS = (nodes.If, nodes.For, nodes.With, nodes.FilterBlock, nodes.CallBlock)
# A tree that reaches into another one cannot be understood alone.
_REACHING_OUT = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block)


NOTHING: Mapping[str, str] = MappingProxyType({})


class NotCut(Exception):
    """The template is written in a way that does not show its pieces; it is rendered as a whole."""


@dataclass(frozen=True, eq=False)
class Hole:
    """One place that is filled."""

    statement: nodes.Stmt
    names: frozenset[str]
    """The variables its value is made of, among other names."""
    key: str | None
    """Holes with the same key have the same value; None: the value depends on what the template set before."""


@dataclass(frozen=True, eq=False)
class CutTemplate:
    """A template's pieces in their order; a statement among them sets something for those after it."""

    environment: Environment
    pieces: tuple[str | Hole | nodes.Stmt, ...]


def cut(environment: Environment, text: str, included: Mapping[str, str] = NOTHING) -> CutTemplate:
    """Return the pieces of template `text`, whose includes at the top stand for `included`; raise `NotCut`."""
    statements = list(_with_includes(environment, text, included))
    set_names = _set_names(statements)
    escaped = bool(environment.autoescape)
    pieces: list[str | Hole | nodes.Stmt] = []
    for statement in statements:
        if any(True for _ in statement.find_all(_REACHING_OUT)):
            raise NotCut
        if isinstance(statement, _SETTINGS):
            pieces.append(statement)
        elif isinstance(statement, nodes.Output):
            for shown in statement.nodes:
                if isinstance(shown, nodes.TemplateData):
                    pieces.append(shown.data)
                else:
                    alone = nodes.Output([shown], lineno=statement.lineno)
                    pieces.append(_hole(alone, set_names, escaped=escaped))
        elif isinstance(statement, _BLOCKS):
            pieces.append(_hole(statement, set_names, escaped=escaped))
        else:
            raise NotCut
    return CutTemplate(environment, tuple(pieces))


def _with_includes(environment: Environment, text: str, included: Mapping[str, str]) -> Iterator[nodes.Node]:
    """Yield the statements at the top of `text`, those of an included template in place of its include."""
    tree = environment.parse(text)
    names_around = _names(tree.body)
    for statement in tree.body:
        if not isinstance(statement, nodes.Include):
            yield statement
            continue
        name = statement.template.value if isinstance(statement.template, nodes.Const) else None
        source = included.get(name) if isinstance(name, str) and statement.with_context else None
        if source is None:
            raise NotCut
        inner = environment.parse(source)
        # what an included template sets ends with it; here it would go on
        if _set_names(inner.body) & names_around:
            raise NotCut
        names_around |= _names(inner.body)
        yield from inner.body


def _set_names(statements: Sequence[nodes.Node]) -> frozenset[str]:
    """Return the names that stay set after `statements`: a loop's end with it, those of an {% if %} do not."""
    names: set[str] = set()
    for statement in statements:
        if isinstance(statement, nodes.Macro):
            names.add(statement.name)
        elif isinstance(statement, nodes.Assign | nodes.AssignBlock):
            names |= _names([statement.target])
        elif isinstance(statement, nodes.If):
            names |= _set_names((*statement.body, *statement.elif_, *statement.else_))
    return frozenset(names)


def _names(statements: Sequence[nodes.Node]) -> frozenset[str]:
    """Return every name in `statements`, whether it is read or set there."""
    named = (nodes.Name, nodes.NSRef, nodes.Macro)
    within = (found for statement in statements for found in (statement, *statement.find_all(named)))
    return frozenset(found.name for found in within if isinstance(found, named))


def _hole(statement: nodes.Stmt, set_names: frozenset[str], *, escaped: bool) -> Hole:
    names = _names([statement])
    if names & set_names:
        return Hole(statement, names, None)
    return Hole(statement, names, _key(statement, escaped=escaped and not _is_number(statement)))


def _key(statement: nodes.Stmt, *, escaped: bool) -> str:
    return f"{'escaped' if escaped else 'plain'} {statement!r}"


def variable_key(name: str, *, escaped: bool) -> str:
    """Return the key of the hole that shows variable `name` as it is."""
    return _key(nodes.Output([nodes.Name(name, "load")]), escaped=escaped)


def _is_number(statement: nodes.Stmt) -> bool:
    """Return whether `statement` shows a part of a date, which escaping leaves as it is."""
    shown = statement.nodes[0] if isinstance(statement, nodes.Output) else None
    if not isinstance(shown, nodes.Getattr) or not isinstance(shown.node, nodes.Name):
        return False
    return shown.node.name == "anchor_date" and shown.attr in PARTS_OF_A_DATE


def _tree(environment: Environment, body: Sequence[nodes.Node]) -> nodes.Template:
    tree = nodes.Template(list(body), lineno=1)
    tree.set_environment(environment)
    return tree


@dataclass(frozen=True, eq=False)
class HolesTemplate:
    """A template that renders nothing but holes."""

    template: Template
    holes: int
    names: frozenset[str]
    """The variables it needs, among other names."""

    def values(self, context: dict[str, Any]) -> list[str]:
        """Return the holes' values in their order; `context` holds Jinja2's globals too. Raise `NotCut`."""
        rendered = "".join(self.template.root_render_func(self.template.new_context(context, shared=True)))
        *values, rest = rendered.split(SEPARATOR)
        if rest or len(values) != self.holes:
            raise NotCut
        return values


def holes_template(template: CutTemplate, holes: Collection[Hole]) -> HolesTemplate | None:
    """Return the template that renders `holes` of `template` alone, None for no holes."""
    if not holes:
        return None
    environment = template.environment
    body: list[nodes.Node] = []
    for piece in template.pieces:
        if isinstance(piece, Hole) and piece in holes:
            body += [piece.statement, nodes.Output([nodes.TemplateData(SEPARATOR)], lineno=1)]
        elif isinstance(piece, nodes.Stmt) and any(hole.key is None for hole in holes):
            body.append(piece)
    # no globals of its own: Jinja2 copies their names for every message
    compiled = Template.from_code(environment, environment.compile(_tree(environment, body)), {})
    return HolesTemplate(compiled, len(holes), _names(body))

"""Jinja2 as contents use it: sandboxed, strict about names, and checked before the first customer.

Belongs here: the environments and what is checked of a template's text. Does not belong here: MJML.
"""

from collections.abc import Iterator, Mapping, Set
from datetime import date
from pathlib import Path
from traceback import extract_tb
from typing import Any

from jinja2 import FunctionLoader, StrictUndefined, Template, TemplateSyntaxError, Undefined, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ekiden.content.faults import ContentFault
from ekiden.content.sources import Source
from ekiden.content.variables import HEAD_NAMES, VARIABLE_NAMES

_ALL_NAMES = frozenset((*VARIABLE_NAMES, *HEAD_NAMES))
NAMES_OF_A_HEAD = frozenset(VARIABLE_NAMES)
# `safe` would switch escaping off for a customer's data; the others give another text at each rendering, and
# a message must be the same when it is rendered again.
_FILTERS_LEFT_OUT = ("safe", "random", "pprint")


PARTS_OF_A_DATE = ("year", "month", "day")
_OF_A_DATE = (*PARTS_OF_A_DATE, "strftime")
# They ask the clock, or this machine's time zone: the same message would say something else when it is rendered again.
_OF_THE_CLOCK = frozenset({"today", "now", "utcnow", "fromtimestamp", "utcfromtimestamp"})


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox, which asks no questions about a date: they took half of a message's rendering."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is date and attribute in _OF_A_DATE:
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, date) and attr in _OF_THE_CLOCK:
            return False
        return bool(super().is_safe_attribute(obj, attr, value))


def _shown(value: Any) -> Any:
    """Return what an expression says; raises `TypeError` for a function whose parentheses were forgotten.

    It would be sent as `<built-in method upper of …>`, in every process another text.
    """
    # an undefined value can be called, and complains by itself
    if callable(value) and not isinstance(value, Undefined):
        raise TypeError("a function is no text; write () behind its name")
    return value


def environment(*, autoescape: bool, sources: Mapping[str, Source] | None = None) -> ImmutableSandboxedEnvironment:
    """Return an environment whose templates may include each other by the names in `sources`."""
    known = dict(sources or {})

    def find(name: str) -> tuple[str, str, None] | None:
        source = known.get(name)
        return (source.text, str(source.path), None) if source else None

    result = _Sandbox(
        autoescape=autoescape,
        undefined=StrictUndefined,
        loader=FunctionLoader(find),
        # A line that holds nothing but a tag leaves no empty line in a text part; an HTML part must keep
        # every character while MJML works on it.
        trim_blocks=not autoescape,
        lstrip_blocks=not autoescape,
        finalize=_shown,
    )
    for name in _FILTERS_LEFT_OUT:
        del result.filters[name]
    # random text by design
    del result.globals["lipsum"]
    return result


def used_names(source: Source, *, known: Set[str] = _ALL_NAMES) -> frozenset[str]:
    """Return the variables `source` uses; raise `ContentFault` for bad syntax or a name not in `known`."""
    names, faults = _read(source, known)
    if faults:
        raise faults[0]
    return names


def faults_of_tags(source: Source, *, known: Set[str] = _ALL_NAMES) -> list[ContentFault]:
    """Return all for which `used_names` raises, line by line; of bad syntax the first alone."""
    return _read(source, known)[1]


def _read(source: Source, known: Set[str]) -> tuple[frozenset[str], list[ContentFault]]:
    """Return the variables that `source` uses, and what is wrong with its tags."""

    def fault(line: int | None, problem: str) -> ContentFault:
        return ContentFault(source.path, None if line is None else source.first_line + line - 1, problem)

    try:
        tree = environment(autoescape=True).parse(source.text)
        loaded = _names_loaded(tree)
        checks = (_escaping_switched_off, _clock_asked, _unknown_filters, _variables_set_anew)
        found = [each for check in checks for each in check(tree, known)]
        choice = f"; there are: {', '.join(sorted(known))}"
        for line, name in sorted({(name.lineno, name.name) for name in loaded if name.name not in known}):
            found.append((line, f"there is no variable {name!r}{choice}"))
            # said once: a content may be full of them
            choice = ""
        if not found:
            # last, as what is said above names the way out
            environment(autoescape=True).compile(tree)
    except Exception as error:
        at = error.lineno if isinstance(error, TemplateSyntaxError) else None
        return frozenset(), [fault(at, f"{said_of_syntax(error)}; see docs/contents.md")]
    faults = [fault(*each) for each in sorted(dict.fromkeys(found), key=lambda each: each[0])]
    return frozenset(name.name for name in loaded), faults


def _names_loaded(tree: nodes.Template) -> list[nodes.Name]:
    bound = {name.name for name in tree.find_all(nodes.Name) if name.ctx in ("store", "param")}
    bound |= {macro.name for macro in tree.find_all(nodes.Macro)} | {"loop", "range", "dict", "namespace"}
    return [name for name in tree.find_all(nodes.Name) if name.ctx == "load" and name.name not in bound]


def said_of_syntax(error: Exception) -> str:
    """Return what is wrong with a template that Jinja2 or Python turned down with `error`."""
    if isinstance(error, TemplateSyntaxError):
        return (error.message or "it is no template").rstrip(".")
    if isinstance(error, RecursionError):
        return "its tags are nested too deeply"
    # Jinja2 writes Python, and Python finds what Jinja2 does not look for; its line is none of the author's
    return error.msg if isinstance(error, SyntaxError) else f"it cannot be compiled ({type(error).__name__})"


def _escaping_switched_off(tree: nodes.Template, _: Set[str]) -> Iterator[tuple[int, str]]:
    for switch in tree.find_all((nodes.ScopedEvalContextModifier, nodes.EvalContextModifier)):
        yield switch.lineno, "escaping cannot be switched off; remove this {% autoescape %}"


def _clock_asked(tree: nodes.Template, known: Set[str]) -> Iterator[tuple[int, str]]:
    for use in tree.find_all(nodes.Getattr):
        # a date under a name of the author's is refused when it is rendered
        if use.attr in _OF_THE_CLOCK and isinstance(use.node, nodes.Name) and use.node.name in known:
            yield use.lineno, f"{use.attr} says another time at each rendering; a message says the same for ever"


def _variables_set_anew(tree: nodes.Template, known: Set[str]) -> Iterator[tuple[int, str]]:
    # what a step sets stays set in the layout's footer, which says what the law asks for
    made = [(name.name, name.lineno) for name in tree.find_all(nodes.Name) if name.ctx == "store"]
    made += [(macro.name, macro.lineno) for macro in tree.find_all(nodes.Macro)]
    for name, line in made:
        if name in known:
            yield line, f"{name!r} is a variable of Ekiden's; choose another name"


def _unknown_filters(tree: nodes.Template, _: Set[str]) -> Iterator[tuple[int, str]]:
    available = environment(autoescape=True).filters
    for use in tree.find_all(nodes.Filter):
        if use.name not in available:
            yield use.lineno, f"there is no filter {use.name!r} here; see docs/contents.md"


def one_line_template(source: Source) -> Template:
    """Return the template of a subject or preheader: plain text, no markup, whose head is not yet made."""
    used_names(source, known=NAMES_OF_A_HEAD)
    name = source.path.name
    return environment(autoescape=False, sources={name: source}).get_template(name)


def rendering_line(error: Exception, path: Path) -> int | None:
    """Return the line of template file `path` at which `error` arose: Jinja2 writes it in the traceback."""
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines else None

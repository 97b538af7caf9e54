"""Models of scenarios whose `config.alias` gives their table the name of another model's: dbt reads neither then.

Belongs here: who of them is left out, so that the other goes on. Does not belong here: what else is wrong with a
scenario's files (`source`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ekiden.scenarios.faults import Location
from ekiden.scenarios.source import REGISTRY, ProjectSources, ScenarioSource, SourceFault

ALIAS = ("config", "alias")


def with_alias_faults(sources: ProjectSources) -> ProjectSources:
    """Return the sources, those with a fault added whose alias is another's name, or the same as another's alias.

    Whose own name it is keeps it. An alias that is written within the SQL is dbt's to find.
    """
    scenarios = tuple(_with_fault(each, sources.scenarios) for each in sources.scenarios)
    return replace(sources, scenarios=scenarios)


def _with_fault(source: ScenarioSource, all_sources: Sequence[ScenarioSource]) -> ScenarioSource:
    alias = _alias(source)
    if alias is None or alias == source.model_name:
        return source
    # its own name as well: whoever is left out stands under that
    others = [each for each in all_sources if each is not source and alias in (each.model_name, _alias(each))]
    if (not others and alias != REGISTRY) or source.file is None:
        return source
    has_it = " and ".join(_described(each) for each in others) or "the build itself"
    message = f"a table called {alias} is that of {has_it} already; leave the alias out, or choose another"
    place = (*_model_place(source), *ALIAS)
    position = source.document.position(place) if source.document is not None else source.position(())
    return replace(source, faults=(*source.faults, SourceFault("alias_taken", source.file, position, message, place)))


def _described(source: ScenarioSource) -> str:
    file = source.file or (source.sql.file if source.sql else None)
    return f"the model {source.model_name}" + (f" ({file.name})" if file else "")


def _model_place(source: ScenarioSource) -> Location:
    return source.root[:2]


def _alias(source: ScenarioSource) -> str | None:
    """Return the alias that the model's entry in its YAML file gives it."""
    value = source.document.value if source.document is not None else None
    for key in (*_model_place(source), *ALIAS):
        if isinstance(value, list) and isinstance(key, int):
            value = value[key]
        else:
            value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) and value else None

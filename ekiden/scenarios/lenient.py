"""A definition with faults, read as far as it goes, so that the rules between settings can be told as well.

Belongs here: leaving out what is broken. Does not belong here: saying what is broken (`faults`).
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined

from ekiden.scenarios.frames import FRAME_TYPES, Frame

Model = TypeVar("Model", bound=BaseModel)


def read_leniently(model: type[Model], given: Mapping[Any, Any]) -> Model:
    """Return `given` as `model`; what is broken in it is None, or None within a list. Never raises.

    `model_fields_set` of it are the keys that are given, broken ones too: what is there is not missing.
    """
    values: dict[str, Any] = {}
    written: set[str] = set()
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key in given:
            written.add(name)
            values[name] = _value(model, name, given[key])
        elif field.default is not PydanticUndefined:
            values[name] = field.default
        else:
            values[name] = None
    return model.model_construct(written, **values)


def _value(model: type[BaseModel], name: str, given: Any) -> Any:
    try:
        return _adapter(model, name).validate_python(given)
    except (ValidationError, RecursionError):
        pass
    annotation = model.model_fields[name].annotation
    item = _item_of_list(annotation)
    if item is not None:
        return tuple(_item(item, each) for each in given) if isinstance(given, list | tuple) else None
    inner = _model_in(annotation)
    return read_leniently(inner, given) if inner is not None and isinstance(given, Mapping) else None


def _item(item: Any, given: Any) -> Any:
    if not isinstance(given, Mapping):
        return None
    if item is Frame:
        name = given.get("type")
        return read_leniently(FRAME_TYPES[name], given) if isinstance(name, str) and name in FRAME_TYPES else None
    return read_leniently(item, given)


@cache
def _adapter(model: type[BaseModel], name: str) -> TypeAdapter[Any]:
    field = model.model_fields[name]
    annotation: Any = field.annotation
    for constraint in field.metadata:
        annotation = Annotated[annotation, constraint]
    return TypeAdapter(annotation)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model of `Model` or `Model | None`."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _item_of_list(annotation: Any) -> Any:
    """Return what a list of mappings holds; None where it holds something else."""
    if get_origin(annotation) is not tuple:
        return None
    item = get_args(annotation)[0]
    return item if item is Frame or _model_in(item) is not None else None

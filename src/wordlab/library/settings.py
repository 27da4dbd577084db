"""Settings that a person changes for one call; params.yaml is where all others are from."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import numpy as np
from pydantic import TypeAdapter, ValidationError

from wordlab.errors import UserError
from wordlab.params import Section
from wordlab.params.language import DecodingParams

S = TypeVar("S", bound=Section)
D = TypeVar("D", bound=DecodingParams)


def changed(
    settings: Mapping[str, Any], *sections: S, fixed: Collection[str] = ()
) -> tuple[S, ...]:
    """Return `sections`, each with those of `settings` on top that it has.

    fixed: names that are no setting of a call. Raises UserError, one line per mistake, for one
    that no section has or that is out of range.
    """
    known = {name for section in sections for name in type(section).model_fields} - {*fixed}
    for name in settings:
        if name not in known:
            raise UserError(f"{name}: no such setting; expected one of {', '.join(sorted(known))}")
    return tuple(_validated(section, settings) for section in sections)


def decoding(settings: Mapping[str, Any], usual: D) -> D:
    """Return `usual` with `settings` on top.

    Raises UserError as `changed` does, and for a setting of another strategy than the one asked.
    """
    (found,) = changed(settings, usual, fixed=["prompts"])
    strategy = settings.get("strategy", usual.strategy)
    for name in settings:
        other = usual.belongs_to.get(name, strategy)
        if other != strategy:
            raise UserError(f"{name}: of the strategy {other}; found the strategy {strategy}")
    return found


def argument(name: str, value: Any, kind: Any) -> Any:
    """Return an argument of a call, a number of NumPy's as one of Python's.

    kind: a type with its limits. Raises UserError, which names the argument, if it is of no such.
    """
    plain = value.item() if isinstance(value, np.generic) else value
    try:
        return TypeAdapter(kind).validate_python(plain, strict=True)
    except ValidationError as error:
        raise UserError(_said(error, name)) from None


def _validated(section: S, settings: Mapping[str, Any]) -> S:
    own = {name: value for name, value in settings.items() if name in type(section).model_fields}
    try:
        return type(section).model_validate({**section.model_dump(), **own})
    except ValidationError as error:
        raise UserError(_said(error)) from None


def _said(error: ValidationError, name: str = "") -> str:
    """Return a line per mistake; name: of what was given, where it is no section."""
    return "\n".join(
        f"{name or '.'.join(map(str, one['loc']))}: expected "
        f"{one['msg'].removeprefix('Input should be ')}, got {one['input']!r}"
        if one["type"] != "value_error"
        else str(one["ctx"]["error"])
        for one in error.errors()
    )

"""Settings that a person changes for one call; params.yaml is where all others are from."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from pydantic import TypeAdapter, ValidationError

from wordlab.errors import UserError
from wordlab.params import Section
from wordlab.params.language import COLDEST, DecodingParams

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
    asked = "sample" if usual.temperature < COLDEST else usual.strategy  # it may be one gone cold
    strategy = settings.get("strategy", asked)
    (found,) = changed({**settings, "strategy": strategy}, usual, fixed=["prompts"])
    for name, value in settings.items():
        other = usual.belongs_to.get(name, strategy)
        if value is not None and other != strategy:
            raise UserError(
                f"{name}: a setting of the strategy {other}; expected strategy {other}, got "
                f"{strategy}"
            )
    return found


def argument(name: str, value: Any, kind: Any) -> Any:
    """Return an argument of a call, a number of NumPy's as one of Python's.

    kind: its type and limits. Raises UserError, which names the argument, if it is out of these.
    """
    try:
        return _adapter(kind).validate_python(_plain(value), strict=True)
    except ValidationError as error:
        raise UserError(_said(error, name)) from None


@lru_cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _validated(section: S, settings: Mapping[str, Any]) -> S:
    known = type(section).model_fields
    own = {name: _plain(value) for name, value in settings.items() if name in known}
    try:
        return type(section).model_validate({**section.model_dump(), **own})
    except ValidationError as error:
        raise UserError(_said(error)) from None


def _said(error: ValidationError, name: str = "") -> str:
    """Return a line per mistake. name: of the argument, empty where a section was validated."""
    return "\n".join(
        f"{name or '.'.join(map(str, one['loc']))}: expected "
        f"{one['msg'].removeprefix('Input should be ')}, got {one['input']!r}"
        if one["type"] != "value_error"
        else str(one["ctx"]["error"])
        for one in error.errors()
    )

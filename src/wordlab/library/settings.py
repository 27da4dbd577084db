"""Settings that a person changes for one call; params.yaml is where all others are from."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from wordlab.errors import UserError
from wordlab.params import Section

S = TypeVar("S", bound=Section)


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


def _validated(section: S, settings: Mapping[str, Any]) -> S:
    own = {name: value for name, value in settings.items() if name in type(section).model_fields}
    try:
        return type(section).model_validate({**section.model_dump(), **own})
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, one['loc']))}: expected "
            f"{one['msg'].removeprefix('Input should be ')}, got {one['input']!r}"
            if one["type"] != "value_error"
            else str(one["ctx"]["error"])
            for one in error.errors()
        ]
        raise UserError("\n".join(lines)) from None
